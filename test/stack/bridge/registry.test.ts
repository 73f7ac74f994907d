/** The registry on a real Kafka: two bridges, one topic, and an index that may be deleted. */
import { randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { VerifiedDirectory } from "../../../bridge/directory/directory.ts";
import { entryKeyOf } from "../../../bridge/registry/entry.ts";
import { LocalIndex } from "../../../bridge/registry/local-index.ts";
import {
  TenantRegistry,
  type TenantRegistryOptions,
} from "../../../bridge/registry/tenant-registry.ts";
import { CompactedTopic } from "../../../bridge/store/compacted-topic.ts";
import { TopicScan } from "../../../core/ports/kafka/scan.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { INTERNAL_KIND, InternalStore } from "../../../core/wire/store.ts";
import { announced } from "../../bridge/registry/fixture.ts";
import { testAccess, testDirectory, testRegistry } from "../../support/bridge-parts.ts";
import { freshName } from "../../support/cluster.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";
import { TestTenant, testIdentity } from "../../support/signed-tenant.ts";

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

async function served() {
  const tenant = new TestTenant(freshName("t"));
  const { directory, access } = await testDirectory([tenant], identity);
  await directory.import([await tenant.head(identity, 1)]);
  return { tenant, directory, access, topic: registryTopic(tenant) };
}

/** With times of its own; a tenant that keeps nothing, so that only those count. */
async function tenantRegistry(
  directory: VerifiedDirectory,
  { name }: TestTenant,
  timing: NonNullable<TenantRegistryOptions["timing"]>,
): Promise<TenantRegistry> {
  const tenant = directory.tenant(name);
  if (!tenant) throw new Error("the tenant is not served");
  const index = new LocalIndex(await testFolder());
  await index.open();
  const registry = new TenantRegistry({
    ...{ tenant, timing, access: testAccess(), outboxMaxAgeMs: 0, log: silentLog },
    retentionMs: () => 0,
    realm: (topic) => index.realm(topic),
  });
  onTestFinished(async () => {
    await registry.stop();
    await index.close();
  });
  await registry.start();
  return registry;
}

function registryTopic({ bridgeKey }: TestTenant): string {
  return new InternalStore(bridgeKey).topicName(INTERNAL_KIND.registry);
}

describe("the registry", () => {
  test("what one bridge registers another finds at once", async () => {
    const { tenant, directory } = await served();
    const one = await testRegistry(directory, [tenant], await testFolder());
    const two = await testRegistry(directory, [tenant], await testFolder());
    const { key, entry } = announced({ tenant: tenant.name, producerId: "pump" });
    expect(await two.has(key)).toBe(false);
    await one.register(key, entry);
    expect(await two.has(key)).toBe(true);
    expect(await two.find(key)).toEqual([entry]);
    expect(await one.find(key)).toEqual([entry]);
    expect(await two.has({ ...key, producerId: "fan" })).toBe(false);
    expect(await two.find({ ...key, tag: randomBytes(32) })).toEqual([]);
  });

  test("takes a kid under a tag from one producer only, and under another tag from another", async () => {
    const { tenant, directory } = await served();
    const one = await testRegistry(directory, [tenant], await testFolder());
    const two = await testRegistry(directory, [tenant], await testFolder());
    const { key, entry } = announced({ tenant: tenant.name, producerId: "a" });
    const { tag, kid } = key;
    await one.register(key, entry);
    for (const registry of [one, two]) {
      const late = announced({ tenant: tenant.name, producerId: "b", tag, kid });
      await expect(registry.register(late.key, late.entry)).rejects.toMatchObject({
        code: "BAD_RECORD",
      });
    }
    const elsewhere = announced({ tenant: tenant.name, producerId: "b", kid });
    await two.register(elsewhere.key, elsewhere.entry);
    const found = await two.find({ tenant: tenant.name, tag, kid });
    expect(found.map(({ producerId }) => producerId)).toEqual(["a"]);
  });

  test("lets a producer announce a kid again with other bytes", async () => {
    const { tenant, directory } = await served();
    const registry = await testRegistry(directory, [tenant], await testFolder());
    const { key, entry } = announced({ tenant: tenant.name, producerId: "a" });
    await registry.register(key, entry);
    const { tag, kid } = key;
    const again = announced({ tenant: tenant.name, producerId: "a", tag, kid });
    await registry.register(again.key, again.entry);
    expect(await registry.find(key)).toEqual([again.entry]);
  });

  test("the same again is no second write", async () => {
    const { tenant, directory, access, topic } = await served();
    const registry = await testRegistry(directory, [tenant], await testFolder());
    const { key, entry } = announced({ tenant: tenant.name, producerId: "pump" });
    const written = async () => (await access.admin.listOffsets(topic))[0]?.high;
    await registry.register(key, entry);
    const once = await written();
    expect(once).toBeGreaterThanOrEqual(1n);
    for (let n = 0; n < 2; n++) await registry.register(key, entry);
    expect(await written()).toBe(once);
  });

  test("survives the deletion of its index, and reads on where it was", async () => {
    const { tenant, directory } = await served();
    const folder = await testFolder();
    const first = await testRegistry(directory, [tenant], folder);
    const old = announced({ tenant: tenant.name, producerId: "pump" });
    await first.register(old.key, old.entry);
    expect(await first.has({ ...old.key, kid: randomBytes(16) })).toBe(false);
    await first.stop();

    const other = await testRegistry(directory, [tenant], await testFolder());
    const late = announced({ tenant: tenant.name, producerId: "fan" });
    await other.register(late.key, late.entry);
    const second = await testRegistry(directory, [tenant], folder);
    expect(await second.find(old.key)).toEqual([old.entry]);
    expect(await second.find(late.key)).toEqual([late.entry]);
    await second.stop();

    await rm(folder, { recursive: true });
    const third = await testRegistry(directory, [tenant], folder);
    expect(await third.find(old.key)).toEqual([old.entry]);
    expect(await third.find(late.key)).toEqual([late.entry]);
  });

  test("an index of a topic that was made anew is built anew", async () => {
    const { tenant, directory, access, topic } = await served();
    const folder = await testFolder();
    const before = await testRegistry(directory, [tenant], folder);
    const old = [1, 2, 3].map(() => announced({ tenant: tenant.name, producerId: "pump" }));
    for (const { key, entry } of old) await before.register(key, entry);
    expect(await before.has({ ...(old[0]?.key ?? never()), kid: randomBytes(16) })).toBe(false);
    await before.stop();
    await access.admin.deleteTopic(topic);
    const fresh = testAccess();
    const remade = new CompactedTopic({ ...fresh, topic, log: silentLog });
    await expect
      .poll(
        () =>
          remade.create().then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    const after = await testRegistry(directory, [tenant], folder);
    await expect
      .poll(() => after.has(old[0]?.key ?? never()).catch(() => "not yet"), { timeout: 30_000 })
      .toBe(false);
  });

  test("a tombstone takes an entry away everywhere", async () => {
    const { tenant, directory, access, topic } = await served();
    const registry = await testRegistry(directory, [tenant], await testFolder());
    const { key, entry } = announced({ tenant: tenant.name, producerId: "pump" });
    await registry.register(key, entry);
    const entryKey = entryKeyOf(new InternalStore(tenant.bridgeKey), key);
    await access.producer.send([
      { topic, partition: 0, messages: [{ key: entryKey, value: null }] },
    ]);
    await expect.poll(() => registry.has(key)).toBe(false);
    expect(await registry.find(key)).toEqual([]);
  });

  test("what is used is noted for all, at most as often as wanted", async () => {
    const { tenant, directory, access, topic } = await served();
    const eager = await tenantRegistry(directory, tenant, { noteUseAfterMs: 0, marginMs: 0 });
    const calm = await tenantRegistry(directory, tenant, { noteUseAfterMs: 1e9, marginMs: 0 });
    const { key, entry } = announced({ tenant: tenant.name, producerId: "pump" });
    await eager.register(key, entry);
    const written = async () => (await access.admin.listOffsets(topic))[0]?.high;
    // What Kafka was slow to confirm is in it twice.
    const first = (await written()) ?? 0n;
    expect(await calm.has(key)).toBe(true);
    await calm.register(key, entry);
    expect(await written()).toBe(first);
    expect(await eager.has(key)).toBe(true);
    const second = (await written()) ?? 0n;
    expect(second).toBeGreaterThan(first);
    await eager.register(key, entry);
    expect(await written()).toBeGreaterThan(second);
    expect(await calm.find(key)).toEqual([entry]);
  });

  test("what nobody can use any more is forgotten by all bridges, and the rest is not", async () => {
    const { tenant, directory } = await served();
    const timing = { noteUseAfterMs: 0, marginMs: 5_000 };
    const one = await tenantRegistry(directory, tenant, timing);
    const two = await tenantRegistry(directory, tenant, timing);
    const [old, used, late] = [1, 2, 3].map(() =>
      announced({ tenant: tenant.name, producerId: "pump" }),
    );
    if (!old || !used || !late) throw new Error("three were made");
    for (const { key, entry } of [old, used]) await one.register(key, entry);
    await sleep(timing.marginMs + 500);
    expect(await two.has(used.key)).toBe(true);
    await one.register(late.key, late.entry);
    expect(await one.sweep()).toBe(1);
    for (const registry of [one, two]) {
      await expect.poll(() => registry.find(old.key)).toEqual([]);
      expect(await registry.find(used.key)).toEqual([used.entry]);
      expect(await registry.find(late.key)).toEqual([late.entry]);
    }
  });

  test("a thousand who ask for what is not there cost Kafka a few questions", async () => {
    const { tenant, directory } = await served();
    const registry = await testRegistry(directory, [tenant], await testFolder());
    const { key } = announced({ tenant: tenant.name, producerId: "pump" });
    await registry.has(key);
    const questions = vi.spyOn(TopicScan.prototype, "readToEnd");
    onTestFinished(() => questions.mockRestore());
    const asked = Array.from({ length: 1_000 }, () =>
      registry.has({ ...key, kid: randomBytes(16) }),
    );
    expect(new Set(await Promise.all(asked))).toEqual(new Set([false]));
    // One for all of them, or two; more on a slow machine, where they come one after the other.
    expect(questions.mock.calls.length).toBeGreaterThan(0);
    expect(questions.mock.calls.length).toBeLessThan(100);
  });

  test("nothing on the bridge's disk or in Kafka tells a tag, a kid or a producer", async () => {
    const { tenant, directory, access, topic } = await served();
    const folder = await testFolder();
    const registry = await testRegistry(directory, [tenant], folder);
    const { key, entry } = announced({ tenant: tenant.name, producerId: "canary-producer" });
    await registry.register(key, entry);
    await registry.has({ ...key, kid: randomBytes(16) });
    await registry.stop();
    const files = await readdir(folder);
    const disk = Buffer.concat(
      await Promise.all(files.map((file) => readFile(join(folder, file)))),
    );
    expect(disk.length).toBeGreaterThan(entry.announcement.length);
    const kafka: Buffer[] = [];
    const tail = new CompactedTopic({ ...access, topic, log: silentLog });
    tail.follow({
      from: 0n,
      onEntries: async (entries) => {
        for (const { key: name, value } of entries) kafka.push(name, value ?? Buffer.alloc(0));
      },
      onAnew: async () => undefined,
    });
    await tail.readToEnd();
    await tail.stop();
    expect(kafka).toHaveLength(2);
    const names = [
      key.tag,
      key.kid,
      Buffer.from(key.producerId),
      Buffer.from(kafkaTopicOf(key.tag)),
    ];
    for (const bytes of [disk, Buffer.concat(kafka)])
      for (const name of [...names, entry.announcement.subarray(0, 40), entry.cert])
        expect(bytes.includes(name)).toBe(false);
  });
});

function never(): never {
  throw new Error("not there");
}
