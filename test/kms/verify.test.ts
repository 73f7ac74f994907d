import { chmod, copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { isVeilError } from "../../core/errors.ts";
import { grant } from "../../kms/change-grants.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { type Verified, verifyTenant } from "../../kms/verify/verify.ts";
import { makeTenant, type TestTenant } from "./fixture.ts";

async function fill(tenant: Tenant): Promise<void> {
  await enrol(tenant, { client: "pi-01", publish: ["a"], subscribe: [] });
  await enrol(tenant, { client: "desk", publish: [], subscribe: ["a"] });
  await grant(tenant, { client: "pi-01", publish: ["b"], subscribe: [] });
  await revoke(tenant, "desk");
}

async function filesOf({ layout }: Tenant): Promise<string[]> {
  const entries = await readdir(layout.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => relative(layout.folder, join(parentPath, name)))
    .sort();
}

describe("a changed byte anywhere", () => {
  let options: TestTenant;
  let tenant: Tenant;
  let files: string[];

  test.each([
    ["p256", 6],
    ["rsa", 1],
    ["hmac", 1],
    ["pki", 1],
  ] as const)(
    "is found, and where it is, with suite %s",
    { timeout: 60_000 },
    async (suite, changes) => {
      options = await makeTenant({ suite });
      tenant = await openTenant(options);
      await fill(tenant);
      files = await filesOf(tenant);
      expect(files.length).toBe(15);
      expect(await verifyTenant(tenant)).toMatchObject({ problems: [], notes: [] });
      for (const file of files) await breakFile(file, changes);
    },
  );

  /** Some bytes of one file, one at a time. */
  async function breakFile(file: string, count: number): Promise<void> {
    const path = join(tenant.layout.folder, file);
    const whole = await readFile(path);
    const changes = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }));
    for (const [at, flip] of fc.sample(changes, count)) {
      // Of the work factor's digits a change may ask for minutes of scrypt.
      if (file === "master.age" && at < whole.indexOf("\n---")) continue;
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
      await writeFile(path, changed);
      expect([file, at, await found()]).toEqual([
        file,
        at,
        expect.arrayContaining([placeOf(file)]),
      ]);
    }
    await writeFile(path, whole);
  }

  /** The paths of all problems; a master file that does not open is one. */
  async function found(): Promise<string[]> {
    try {
      const { problems } = await verifyTenant(await openTenant(options));
      return problems.map(({ path }) => path);
    } catch (error) {
      if (isVeilError(error, "AUTH")) return ["master.age"];
      throw error;
    }
  }
});

/** The head of the log is told as the log's. */
function placeOf(file: string): string {
  return file === "state/audit" ? "audit.log" : file;
}

describe("what was put back, taken away or laid there", () => {
  let tenant: Tenant;

  beforeEach(async () => {
    tenant = await openTenant(await makeTenant({ suite: "p256" }));
    await fill(tenant);
  });

  const at = (...path: string[]): string => join(tenant.layout.folder, ...path);

  /** Changes something, and says what verify finds. */
  async function verifyAfter(change: () => Promise<unknown>): Promise<Verified> {
    await change();
    return await verifyTenant(tenant);
  }

  test("an older file of a client, though it opens", async () => {
    const older = await readFile(at("state/clients/pi-01"));
    await grant(tenant, { client: "pi-01", publish: ["c"], subscribe: [] });
    const { problems } = await verifyAfter(() => writeFile(at("state/clients/pi-01"), older));
    expect(problems[0]).toMatchObject({
      path: "state/clients/pi-01",
      what: expect.stringMatching(/^is older \(serial 4\) than the audit log says \(6\)/),
    });
  });

  test("an older counter, which would give serials out again", async () => {
    const older = await readFile(at("state/serial"));
    await revoke(tenant, "pi-01");
    const { problems } = await verifyAfter(() => writeFile(at("state/serial"), older));
    expect(problems).toContainEqual({
      path: "state/serial",
      what: "was put back: 5, and the audit log knows of 6",
    });
  });

  test("an older log with its head", async () => {
    const older = await Promise.all(["audit.log", "state/audit"].map((file) => readFile(at(file))));
    await revoke(tenant, "pi-01");
    const { problems } = await verifyAfter(async () => {
      await writeFile(at("audit.log"), older[0] ?? "");
      await writeFile(at("state/audit"), older[1] ?? "");
    });
    expect(problems.map(({ path }) => path)).toEqual([
      "state/clients/pi-01",
      "documents/000000000006-revoke-pi-01.json",
    ]);
  });

  test.each([
    ["state/clients/desk", /^is missing/],
    ["state/serial", /counter is missing/],
    ["state/head", /state\/head is missing/],
    ["audit.log", /^it is missing/],
    ["public.json", /^is missing/],
    ["documents/000000000005-revoke-desk.json", /newest documents of a client/],
    ["documents/000000000001-head.json", /newest documents of a client/],
  ])("%s is gone", async (file, what) => {
    const { problems } = await verifyAfter(() => rm(at(file)));
    expect(problems).toContainEqual({ path: file, what: expect.stringMatching(what) });
  });

  test("documents that newer ones replace may be tidied away, credentials handed over", async () => {
    const { problems, notes } = await verifyAfter(async () => {
      await rm(at("documents/000000000002-enrol-pi-01.json"));
      await rm(at("credentials/pi-01.cred.json"));
    });
    expect(problems).toEqual([]);
    expect(notes).toEqual([
      { path: "documents", what: "1 files are gone that newer ones replace" },
    ]);
  });

  test("documents under another name, or another tenant's", async () => {
    const other = await openTenant(await makeTenant({ suite: "p256" }));
    await enrol(other, { client: "pi-01", publish: ["a"], subscribe: [] });
    const { problems } = await verifyAfter(async () => {
      await copyFile(
        at("documents/000000000001-head.json"),
        at("documents/000000000009-head.json"),
      );
      await copyFile(
        other.layout.bundle(2, "enrol-pi-01"),
        at("documents/000000000002-enrol-pi-01.json"),
      );
    });
    expect(problems.map(({ path }) => path)).toEqual([
      "documents/000000000002-enrol-pi-01.json",
      "documents/000000000009-head.json",
    ]);
  });

  test("a credential that is an older one, or of nobody", async () => {
    const older = await readFile(at("credentials/pi-01.cred.json"));
    await enrol(tenant, { client: "pi-01", publish: ["a"], subscribe: [], again: true });
    const { problems } = await verifyAfter(async () => {
      await writeFile(at("credentials/pi-01.cred.json"), older);
      await writeFile(at("credentials/who.cred.json"), older, { mode: 0o600 });
    });
    expect(problems.map(({ path }) => path)).toEqual([
      "credentials/pi-01.cred.json",
      "credentials/who.cred.json",
    ]);
  });

  test.each(["audit.log", "state/head", "state/clients/pi-01", "credentials/pi-01.cred.json"])(
    "%s that others may read",
    async (file) => {
      const { problems } = await verifyAfter(() => chmod(at(file), 0o644));
      expect(problems).toContainEqual({
        path: file,
        what: expect.stringContaining("can be read by others"),
      });
    },
  );

  test("what is not ours is told, and is no problem", async () => {
    const { problems, notes } = await verifyAfter(async () => {
      await writeFile(at("todo.txt"), "");
      await writeFile(at("documents/.1.tmp"), "");
    });
    expect(problems).toEqual([]);
    expect(notes.map(({ path }) => path)).toEqual(["todo.txt", "documents/.1.tmp"]);
  });
});

test("says how far it is", async () => {
  const tenant = await openTenant(await makeTenant({ suite: "p256" }));
  await fill(tenant);
  const told: number[] = [];
  await verifyTenant(tenant, ({ done, of }) => told.push(done / of));
  expect(told).toHaveLength(9);
  expect(told.at(-1)).toBe(1);
});
