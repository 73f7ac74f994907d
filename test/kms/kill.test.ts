/** kill -9 at any moment: no serial is ever used twice, and no credential is out that the owner does not know. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { decodeCredential } from "../../core/wire/credential.ts";
import { readBatch } from "../../kms/batch-file.ts";
import { enrol } from "../../kms/enrol.ts";
import { readEnrolList } from "../../kms/enrol-list.ts";
import { enrolMany } from "../../kms/enrol-many.ts";
import { Layout } from "../../kms/layout.ts";
import { rotate } from "../../kms/rotate.ts";
import { waitingClients } from "../../kms/tell-clients.ts";
import { openTenant, withTenant } from "../../kms/tenant.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import { openBundle } from "./at-the-bridge.ts";
import { allClients, CHEAP_SCRYPT, makeTenant, type TestTenant } from "./fixture.ts";

vi.mock("../../kms/fleet.ts", async (original) => {
  const { withLastingWorkers } = await import("./lasting-workers.ts");
  return withLastingWorkers(await original());
});

const KILLS = 4;

test("a serial is never used twice, whenever the owner's machine stops", {
  timeout: 120_000,
}, async () => {
  const options = await makeTenant({ suite: "p256" });
  const layout = new Layout(options.dir, options.tenant);
  for (let kill = 0; kill < KILLS; kill++) await runUntilKilled("enrol-forever", options);

  const bundles = (await readdir(layout.documents)).filter((name) => !name.startsWith("."));
  const serials = bundles.map((name) => Number(name.slice(0, 12)));
  expect(serials.length).toBeGreaterThanOrEqual(KILLS);
  expect(new Set(serials).size).toBe(serials.length);

  const known = new Map(
    (await allClients(await openTenant(options))).map(({ client, serial }) => [client, serial]),
  );
  for (const name of await readdir(layout.credentials)) {
    if (name.startsWith(".")) continue;
    const credential = decodeCredential(await readFile(join(layout.credentials, name)));
    expect(known.get(credential.client)).toBeGreaterThanOrEqual(credential.serial);
  }
  const next = await withTenant(options, (tenant) =>
    enrol(tenant, { client: "last", publish: ["a/b"], subscribe: [] }),
  );
  expect(next.serial).toBeGreaterThan(Math.max(...serials, ...known.values()));

  // What was cut off is mended by doing it again; nothing else is to be mended.
  await withTenant(options, async (tenant) => {
    for (const { client, topics } of await allClients(tenant))
      await enrol(tenant, {
        client,
        publish: topics.map(({ name }) => name),
        subscribe: [],
        again: true,
      });
    expect((await verifyTenant(tenant)).problems).toEqual([]);
  });
});

test("the audit log and the folder stay one, whenever the owner's machine stops", {
  timeout: 120_000,
}, async () => {
  const options = await makeTenant({ suite: "p256" });
  for (let kill = 0; kill < KILLS; kill++) {
    await runUntilKilled("enrol-fleet-forever", options);
    await withTenant(options, async (tenant) => {
      // Cut off at most one batch: what is told of it is what --skip-enrolled mends.
      const { problems } = await verifyTenant(tenant);
      const batch = await readBatch(tenant.state, "enrol");
      if (batch.length === 0) expect(problems).toEqual([]);
      else expect(problems.map(({ path }) => path)).toContain("state/batch");
      const list = readEnrolList(
        `client,publish\n${batch.map((client) => `${client},again\n`).join("")}last-${kill},x\n`,
      );
      await enrolMany(tenant, { list, skipEnrolled: true });
      expect((await verifyTenant(tenant)).problems).toEqual([]);
    });
  }
});

test("a rotation goes on where it was cut off, and no client has two halves of one epoch", {
  timeout: 120_000,
}, async () => {
  const options = await makeTenant({ suite: "p256" });
  await withTenant(options, async (tenant) => {
    const rows = Array.from({ length: 8 }, (_, index) => `pi-${index},site/${index}`);
    await enrolMany(tenant, { list: readEnrolList(["client,publish", ...rows].join("\n")) });
  });
  const layout = new Layout(options.dir, options.tenant);
  for (let kill = 0; kill < KILLS; kill++) {
    await runUntilKilled("rotate-forever", options, 900);
    const { passphrase } = options;
    const finished = await withTenant(options, (tenant) =>
      rotate(tenant, { passphrase, scryptWorkFactor: CHEAP_SCRYPT }),
    );
    expect(["rotate", "finish"]).toContain(finished.done);
    const tenant = await openTenant(options);
    expect((await verifyTenant(tenant)).problems).toEqual([]);
    expect(await waitingClients(tenant)).toEqual([]);
  }
  // Whatever any bundle ever gave a bridge for a client and epoch is one half, and one only.
  const tenant = await openTenant(options);
  const given = new Map<string, Set<string>>();
  for (const name of await readdir(layout.documents)) {
    if (name.startsWith(".")) continue;
    for (const opened of await openBundle(tenant, join(layout.documents, name))) {
      if (opened.kind !== "client") continue;
      for (const [epoch, { tag }] of opened.halves) {
        const key = `${opened.client} ${epoch}`;
        if (tag) given.set(key, (given.get(key) ?? new Set()).add(tag.toString("hex")));
      }
    }
  }
  expect(given.size).toBeGreaterThan(8 * KILLS);
  for (const halves of given.values()) expect(halves.size).toBe(1);
});

/** Kills it at some moment after its first line. */
async function runUntilKilled(
  script: "enrol-forever" | "enrol-fleet-forever" | "rotate-forever",
  { dir, tenant, passphrase }: TestTenant,
  withinMs = 150,
): Promise<void> {
  const child = spawn(process.execPath, [`test/kms/${script}.mjs`, dir, tenant, passphrase], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  // Where it ends by itself, what it says on stderr tells why.
  await Promise.race([once(child.stdout, "data"), ended]);
  await sleep(Math.random() * withinMs);
  child.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
}
