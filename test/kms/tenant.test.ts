import { chmod, copyFile, cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { enrol } from "../../kms/enrol.ts";
import { onlyTenant } from "../../kms/layout.ts";
import { openMaster } from "../../kms/master-file.ts";
import { openTenant, withTenant } from "../../kms/tenant.ts";
import { testFolder } from "../support/folder.ts";
import { allClients, makeTenant, PASSPHRASE } from "./fixture.ts";

describe("the master file", () => {
  test("does not open under another passphrase", async () => {
    const tenant = await makeTenant();
    await expect(openTenant({ ...tenant, passphrase: `${PASSPHRASE} ` })).rejects.toMatchObject({
      code: "AUTH",
    });
  });

  test("does not open with any byte changed", async () => {
    const { made } = await makeTenant();
    const sealed = await readFile(join(made.folder, "master.age"));
    // Of the work factor's two digits a change may ask for minutes of scrypt: they are left alone here.
    const factorAt = sealed.indexOf("\n", sealed.indexOf("-> scrypt")) - 2;
    const position = fc.nat(sealed.length - 1).filter((at) => at < factorAt || at >= factorAt + 2);
    await fc.assert(
      fc.asyncProperty(position, fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
        await expect(openMaster(changed, PASSPHRASE)).rejects.toMatchObject({ code: "AUTH" });
      }),
      { numRuns: 60 },
    );
  });

  test("is refused where others may read it", async () => {
    const tenant = await makeTenant();
    await chmod(join(tenant.made.folder, "master.age"), 0o640);
    await expect(openTenant(tenant)).rejects.toMatchObject({ code: "SECRET_FILE" });
  });

  test("is refused under another tenant's name", async () => {
    const tenant = await makeTenant();
    await cp(tenant.made.folder, join(tenant.dir, "other"), { recursive: true });
    await expect(openTenant({ ...tenant, tenant: "other" })).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
  });

  test("is looked for where there is a tenant", async () => {
    const tenant = await makeTenant();
    await expect(openTenant({ ...tenant, tenant: "other" })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
  });
});

describe("the state files", () => {
  const pi = { client: "pi-01", publish: ["a/b"], subscribe: [] };

  test("hold no topic name that could be read", async () => {
    const tenant = await openTenant(await makeTenant());
    await enrol(tenant, { ...pi, publish: ["canary-of-a-topic"] });
    const file = await readFile(join(tenant.layout.clients, "pi-01"), "latin1");
    expect(file).not.toContain("canary");
  });

  test("are refused when changed, or put in another's place", async () => {
    const tenant = await openTenant(await makeTenant());
    for (const client of ["pi-01", "pi-02"]) await enrol(tenant, { ...pi, client });
    const file = (name: string): string => join(tenant.layout.clients, name);
    await rename(file("pi-01"), file("pi-03"));
    await expect(allClients(tenant)).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
    await rename(file("pi-03"), file("pi-01"));
    await copyFile(file("pi-01"), file("pi-02"));
    await expect(allClients(tenant)).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
    const sealed = await readFile(file("pi-01"));
    sealed.writeUInt8(sealed.readUInt8(40) ^ 1, 40);
    await writeFile(file("pi-01"), sealed);
    await expect(enrol(tenant, { ...pi, again: true })).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
  });

  test("a missing counter is not a new one", async () => {
    const tenant = await openTenant(await makeTenant());
    await rm(join(tenant.layout.state, "serial"));
    await expect(enrol(tenant, pi)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
  });

  test("what a kill left half-written is no client", async () => {
    const tenant = await openTenant(await makeTenant());
    await writeFile(join(tenant.layout.clients, ".1.1.tmp"), "torn", { mode: 0o600 });
    expect(await allClients(tenant)).toEqual([]);
  });
});

describe("the lock", () => {
  test("lets one change a tenant at a time, and goes with a failure", async () => {
    const options = await makeTenant();
    const nested = withTenant(options, () => withTenant(options, async () => undefined));
    await expect(nested).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect(withTenant(options, async ({ name }) => name)).resolves.toBe("acme");
  });
});

describe("the only tenant", () => {
  test("is found where there is one", async () => {
    const { dir } = await makeTenant();
    expect(await onlyTenant(dir)).toBe("acme");
    await makeTenant({ dir, tenant: "other" });
    await expect(onlyTenant(dir)).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      hint: "add --tenant with one of: acme, other",
    });
  });

  test("is missed where there is none", async () => {
    const dir = await testFolder();
    for (const folder of [dir, join(dir, "nowhere")])
      await expect(onlyTenant(folder)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
