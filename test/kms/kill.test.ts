/** kill -9 at any moment: no serial is ever used twice, and no credential is out that the owner does not know. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { decodeCredential } from "../../core/wire/credential.ts";
import { enrol } from "../../kms/enrol.ts";
import { Layout } from "../../kms/layout.ts";
import { openTenant, withTenant } from "../../kms/tenant.ts";
import { allClients, makeTenant, type TestTenant } from "./fixture.ts";

const KILLS = 8;

test("a serial is never used twice, whenever the owner's machine stops", {
  timeout: 60_000,
}, async () => {
  const options = await makeTenant();
  const layout = new Layout(options.dir, options.tenant);
  for (let kill = 0; kill < KILLS; kill++) await enrolUntilKilled(options);

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
});

async function enrolUntilKilled({ dir, tenant, passphrase }: TestTenant): Promise<void> {
  const child = spawn(process.execPath, ["test/kms/enrol-forever.mjs", dir, tenant, passphrase], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  // Where it ends by itself, what it says on stderr tells why.
  await Promise.race([once(child.stdout, "data"), ended]);
  await sleep(Math.random() * 150);
  child.kill("SIGKILL");
  expect(await ended).toEqual([null, "SIGKILL"]);
}
