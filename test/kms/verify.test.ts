import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { isVeilError } from "../../core/errors.ts";
import { grant } from "../../kms/change-grants.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { rotate } from "../../kms/rotate.ts";
import { openTenant, type Tenant, withTenant, withUnverified } from "../../kms/tenant.ts";
import { type Verified, verifyTenant } from "../../kms/verify/verify.ts";
import { CHEAP_SCRYPT, makeTenant, PASSPHRASE, type TestTenant } from "./fixture.ts";

vi.mock("../../kms/fleet.ts", async (original) => {
  const { withLastingWorkers } = await import("./lasting-workers.ts");
  return withLastingWorkers(await original());
});

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
      expect(files.length).toBe(16);
      expect(await verifyTenant(tenant)).toMatchObject({ problems: [], notes: [] });
      for (const file of files) await breakFile(file, changes);
    },
  );

  test("is found after a rotation too, with each byte of the master file's header, and bytes behind the end", {
    timeout: 120_000,
  }, async () => {
    options = await makeTenant({ suite: "p256" });
    await fill(await openTenant(options));
    await rotate(await openTenant(options), {
      passphrase: PASSPHRASE,
      scryptWorkFactor: CHEAP_SCRYPT,
    });
    tenant = await openTenant(options);
    files = await filesOf(tenant);
    expect(files).toContain("state/rotating");
    expect(await verifyTenant(tenant)).toMatchObject({ problems: [], notes: [] });
    for (const file of files) {
      await breakFile(file, 2);
      await expectFound(file, "appended", (whole) => Buffer.concat([whole, Buffer.from("{")]));
    }
    const path = join(tenant.layout.folder, "master.age");
    const header = (await readFile(path)).indexOf("\n---") + 1;
    for (let at = 0; at < header; at++)
      await expectFound("master.age", at, (whole) => {
        whole.writeUInt8(whole.readUInt8(at) ^ 1, at);
        return whole;
      });
  });

  /** Some bytes of one file, one at a time. */
  async function breakFile(file: string, count: number): Promise<void> {
    const { length } = await readFile(join(tenant.layout.folder, file));
    const changes = fc.tuple(fc.nat(length - 1), fc.integer({ min: 1, max: 255 }));
    for (const [at, flip] of fc.sample(changes, count))
      await expectFound(file, at, (whole) => {
        whole.writeUInt8(whole.readUInt8(at) ^ flip, at);
        return whole;
      });
  }

  async function expectFound(
    file: string,
    what: unknown,
    change: (whole: Buffer) => Buffer,
  ): Promise<void> {
    const path = join(tenant.layout.folder, file);
    const whole = await readFile(path);
    await writeFile(path, change(Buffer.from(whole)));
    expect([file, what, await found()]).toEqual([
      file,
      what,
      expect.arrayContaining([placeOf(file)]),
    ]);
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

/** The head of the log and its witness are told as the log's. */
function placeOf(file: string): string {
  return file === "state/audit" || file === "state/told" ? "audit.log" : file;
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
    expect(problems).toEqual([{ path: "audit.log", what: "lines are missing at the end" }]);
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
      await writeFile(at("state/clients/.2.tmp"), "");
      await mkdir(at("../.restore-aB3dE6"));
    });
    expect(problems).toEqual([]);
    expect(notes.map(({ path }) => path)).toEqual([
      "todo.txt",
      "../.restore-aB3dE6",
      "state/clients/.2.tmp",
      "documents/.1.tmp",
    ]);
  });
});

describe("the epochs of the master file", () => {
  const FILES = ["master.age", "public.json"];
  let options: TestTenant;
  let tenant: Tenant;

  beforeEach(async () => {
    options = await makeTenant({ suite: "p256" });
    tenant = await openTenant(options);
    await fill(tenant);
  });

  const at = (...path: string[]): string => join(tenant.layout.folder, ...path);
  const read = (files: readonly string[]) => Promise.all(files.map((file) => readFile(at(file))));
  const rotateNow = async () =>
    await withTenant(options, (opened) =>
      rotate(opened, {
        passphrase: PASSPHRASE,
        scryptWorkFactor: CHEAP_SCRYPT,
        compromised: true,
      }),
    );
  const verified = () => withUnverified(options, (opened) => verifyTenant(opened));

  async function putBack(files: readonly string[], contents: readonly Buffer[]): Promise<void> {
    for (const [index, file] of files.entries()) await writeFile(at(file), contents[index] ?? "");
  }

  test("put back are told, and every command refuses: a number would get other keys", async () => {
    const older = await read(FILES);
    const { epochs } = await rotateNow();
    expect(epochs.map(({ epoch }) => epoch)).toEqual([2]);
    const newest = await read(FILES);
    await putBack(FILES, older);
    expect((await verified()).problems).toContainEqual({
      path: "master.age",
      what: "was put back: its epochs (1) are those of serial 0, and the audit log knows of 2 since serial 6",
    });
    await expect(rotateNow()).rejects.toMatchObject({ code: "ROLLED_BACK" });
    await expect(openTenant(options)).rejects.toMatchObject({ code: "ROLLED_BACK" });
    await putBack(FILES, newest);
    expect((await verified()).problems).toEqual([]);
  });

  test("of a rotation that was cut off before the log are no epochs put back", async () => {
    const log = ["audit.log", "state/audit", "state/told"];
    const older = await read(log);
    await rotateNow();
    for (const name of await readdir(at("documents")))
      if (name.includes("rotate")) await rm(at("documents", name));
    await putBack(log, older);
    expect((await verified()).problems).toContainEqual({
      path: "master.age",
      what: "its epochs (2) are not in the audit log yet: a rotation was cut off, and veilmq kms rotate finishes it",
    });
    const finished = await withTenant(options, (opened) =>
      rotate(opened, { passphrase: PASSPHRASE, scryptWorkFactor: CHEAP_SCRYPT }),
    );
    expect(finished.done).toBe("finish");
    expect(finished.epochs.map(({ epoch }) => epoch)).toEqual([2]);
  });

  test("are not made anew while the log would not tell of them", async () => {
    const before = await read(FILES);
    await rm(at("state/audit"));
    await expect(rotateNow()).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(await read(FILES)).toEqual(before);
  });

  test("are those of a counter that was put back", async () => {
    const older = await read(["state/serial"]);
    await rotateNow();
    await putBack(["state/serial"], older);
    expect((await verified()).problems.map(({ path }) => path)).toContain("state/serial");
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
