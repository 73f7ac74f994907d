/** kill -9 at any moment: no serial is ever used twice, and no credential is out that the owner does not know. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { decodeCredential } from "../../core/wire/credential.ts";
import { enrol } from "../../kms/enrol.ts";
import { readBatch } from "../../kms/enrol-batch.ts";
import { readEnrolList } from "../../kms/enrol-list.ts";
import { enrolMany } from "../../kms/enrol-many.ts";
import { Layout } from "../../kms/layout.ts";
import { openTenant, withTenant } from "../../kms/tenant.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import { allClients, makeTenant, type TestTenant } from "./fixture.ts";

const KILLS = 6;

test("a serial is never used twice, whenever the owner's machine stops", {
  timeout: 120_000,
}, async () => {
  const options = await makeTenant();
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
      const batch = await readBatch(tenant.state);
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

/** Kills it at some moment after its first line. */
async function runUntilKilled(
  script: "enrol-forever" | "enrol-fleet-forever",
  { dir, tenant, passphrase }: TestTenant,
): Promise<void> {
  const child = spawn(process.execPath, [`test/kms/${script}.mjs`, dir, tenant, passphrase], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  // Where it ends by itself, what it says on stderr tells why.
  await Promise.race([once(child.stdout, "data"), ended]);
  await sleep(Math.random() * 150);
  child.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
}
