import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { generateHybridIdentity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { openHead } from "../../bridge/directory/head.ts";
import { FolderLock } from "../../core/runtime/folder-lock.ts";
import { headPath } from "../../core/wire/directory.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { initTenant } from "../../kms/init.ts";
import { publicFileSchema } from "../../kms/public-file.ts";
import { openTenant } from "../../kms/tenant.ts";
import { testFolder } from "../support/folder.ts";
import { makeTenant, PASSPHRASE, quick, readBundle, TENANT } from "./fixture.ts";

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

describe("a new tenant", () => {
  test("has its secrets readable by the owner alone, and nothing else", async () => {
    const { dir, made } = await makeTenant();
    expect((await readdir(made.folder, { recursive: true })).sort()).toEqual([
      "audit.log",
      "credentials",
      "documents",
      "documents/000000000001-head.json",
      "master.age",
      "public.json",
      "state",
      "state/audit",
      "state/clients",
      "state/head",
      "state/serial",
      "state/told",
    ]);
    expect(await readdir(dir)).toEqual([TENANT]);
    expect(await modeOf(made.folder)).toBe(0o700);
    for (const name of ["master.age", "audit.log", "state/head", "state/serial"])
      expect(await modeOf(join(made.folder, name))).toBe(0o600);
  });

  test("tells the operator its key and suite, and the bridge its head", async () => {
    const { identity, made, ...options } = await makeTenant({ partitions: 3, retentionMs: 60_000 });
    const known = publicFileSchema.parse(JSON.parse(await readFile(made.publicFile, "utf8")));
    expect(known).toMatchObject({ tenant: TENANT, suite: "rsa", bits: 2048, epoch: 1 });

    const documents = await readBundle(made.bundle);
    const document = documents.get(headPath(TENANT)) ?? Buffer.of();
    const kmsPublicKey = importPublicKey(known.kmsPublicKey);
    const head = await openHead(TENANT, document, { kmsPublicKey, identities: [identity] });
    const { master } = await openTenant(options);
    expect(documents.size).toBe(1);
    expect(head.serial).toBe(1);
    expect(head.tenant.bridgeKey).toEqual(master.bridgeKey);
    expect(head.tenant.kafka).toEqual({ partitions: 3, retentionMs: 60_000 });
    expect(head.tenant.epochs.get(1)?.parameters).toMatchObject({
      suite: "rsa",
      nTag: expect.objectContaining({ length: 256 }),
    });
  });

  test("seals the bridge's key to every recipient", async () => {
    const [one, other] = [await makeTenant(), await makeTenant()];
    const recipients = await Promise.all([one, other].map((t) => identityToRecipient(t.identity)));
    const { made } = await makeTenant({ recipients });
    const document = (await readBundle(made.bundle)).get(headPath(TENANT)) ?? Buffer.of();
    const kmsPublicKey = importPublicKey(Buffer.from(made.kmsPublicKey, "base64url"));
    for (const { identity } of [one, other])
      await expect(
        openHead(TENANT, document, { kmsPublicKey, identities: [identity] }),
      ).resolves.toBeDefined();
  });

  test("tells how far the search is", async () => {
    const told: number[] = [];
    await makeTenant({ onProgress: ({ done }) => told.push(done) });
    expect(told).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("refused", () => {
  test("to overwrite a tenant", async () => {
    const { made, identity, ...options } = await makeTenant();
    const before = await readFile(join(made.folder, "master.age"));
    const recipients = [await identityToRecipient(identity)];
    await expect(initTenant({ ...quick(), ...options, recipients })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    expect(await readFile(join(made.folder, "master.age"))).toEqual(before);
  });

  test("to fill a folder that is there already", async () => {
    const dir = await testFolder();
    await mkdir(join(dir, TENANT));
    await expect(makeTenant({ dir })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test.each([
    ["none", async () => []],
    ["one with a typing error", async () => [`age1${"q".repeat(58)}`]],
    ["a hybrid one", async () => [await identityToRecipient(await generateHybridIdentity())]],
    ["an identity instead", async () => ["AGE-SECRET-KEY-1QQQQ"]],
  ])("recipients: %s", async (_, recipients) => {
    await expect(makeTenant({ recipients: await recipients() })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
  });

  test.each([
    ["a tenant's name", { tenant: "../acme" }],
    ["no partitions", { partitions: 0 }],
    ["a retention of a second", { retentionMs: 1_000 }],
    ["a retention that ends within a millisecond", { retentionMs: 86_400_000.5 }],
    ["an address with a path", { addresses: { mqtt: ["mqtts://bridge:8883/x"], http: [] } }],
    ["mqtts without a CA", { addresses: { mqtt: ["mqtts://bridge:8883"], http: [] } }],
    ["https without a CA", { addresses: { mqtt: [], http: ["https://bridge:8443"] } }],
    ["a CA that is none", { addresses: { mqtt: [], http: [], ca: "CA" } }],
  ])("%s", async (_, overrides) => {
    await expect(makeTenant(overrides)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });
});

test("an abort ends the search at once and leaves nothing behind", async () => {
  const dir = await testFolder();
  const stop = new AbortController();
  const made = makeTenant({
    dir,
    passphrase: PASSPHRASE,
    signal: stop.signal,
    primes: () => new Promise(() => undefined),
  });
  setTimeout(() => stop.abort(), 20);
  await expect(made).rejects.toMatchObject({ code: "STOPPED" });
  expect(await readdir(dir)).toEqual([]);
});

test("what a cut-off init or restore left is removed, and nothing that is in use or not theirs", async () => {
  const dir = await testFolder();
  const [init, restore, used, other] = [".init-aaaaaa", ".restore-bbbbbb", ".init-cccccc", ".init"];
  for (const name of [init, restore, used, other])
    await mkdir(join(dir, name, TENANT), { recursive: true });
  const lock = await FolderLock.take(join(dir, used));
  try {
    await makeTenant({ ...quick("p256"), suite: "p256", dir });
    expect((await readdir(dir)).sort()).toEqual([other, used, TENANT].sort());
  } finally {
    await lock.release();
  }
});
