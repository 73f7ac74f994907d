import { execFile } from "node:child_process";
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Decrypter } from "age-encryption";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { parseDocumentPath } from "../../core/wire/directory.ts";
import { takeMail } from "../../core/wire/mail.ts";
import { sealStream } from "../../kms/age.ts";
import { type ExportRequest, exportTenant } from "../../kms/backup/export.ts";
import { type RestoreRequest, restoreTenant } from "../../kms/backup/restore.ts";
import { type FileToPack, pack } from "../../kms/backup/tar.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { rotate } from "../../kms/rotate.ts";
import { openTenant, type Tenant, withTenant } from "../../kms/tenant.ts";
import { verifyTenant } from "../../kms/verify/verify.ts";
import { testFolder } from "../support/folder.ts";
import { bridgeWith, readCredential } from "./at-the-bridge.ts";
import {
  CHEAP_SCRYPT,
  makeTenant,
  PASSPHRASE,
  readBundle,
  TENANT,
  type TestTenant,
} from "./fixture.ts";

vi.mock("../../kms/fleet.ts", async (original) => {
  const { withLastingWorkers } = await import("./lasting-workers.ts");
  return withLastingWorkers(await original());
});

const BACKUP_PASSPHRASE = "another long passphrase";
const run = promisify(execFile);

let options: TestTenant;
let tenant: Tenant;
let folder: string;

beforeEach(async () => {
  options = await makeTenant({ suite: "p256" });
  tenant = await openTenant(options);
  folder = await testFolder();
  await enrol(tenant, { client: "pi-01", publish: ["a"], subscribe: [] });
});

async function backUp(name = "backup", request: Partial<ExportRequest> = {}): Promise<string> {
  const path = join(folder, name);
  const scryptWorkFactor = CHEAP_SCRYPT;
  await exportTenant(tenant, {
    path,
    backupPassphrase: BACKUP_PASSPHRASE,
    scryptWorkFactor,
    ...request,
  });
  return path;
}

function restore(path: string, request: Partial<RestoreRequest> = {}) {
  const dir = join(folder, "restored");
  const passphrases = { passphrase: PASSPHRASE, backupPassphrase: BACKUP_PASSPHRASE };
  return restoreTenant({ path, dir, ...passphrases, ...request });
}

/** Rotates, and has the mail that its only client gets. */
async function rotated(of: Tenant) {
  const request = { passphrase: PASSPHRASE, scryptWorkFactor: CHEAP_SCRYPT };
  const { bundles, epochs } = await rotate(of, request);
  for (const [path, document] of await readBundle(bundles.at(-1) ?? "")) {
    const place = parseDocumentPath(path);
    if (place.kind !== "mail") continue;
    const mail = { number: place.number, document };
    return { mail, epochs: epochs.map(({ epoch }) => epoch) };
  }
  throw new Error("no mail was sent");
}

describe("a backup", () => {
  test("is one sealed file, of everything", async () => {
    const path = await backUp();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readFile(path, "latin1")).slice(0, 21)).toBe("age-encryption.org/v1");
    const restored = await restore(path);
    expect(restored).toMatchObject({ tenant: TENANT, clients: 1, serialInBackup: 3 });
    const names = (of: string): Promise<string[]> => readdir(of, { recursive: true });
    expect((await names(restored.folder)).sort()).toEqual(
      (await names(tenant.layout.folder)).sort(),
    );
    for (const file of ["master.age", "state/clients/pi-01", "credentials/pi-01.cred.json"]) {
      expect(await readFile(join(restored.folder, file))).toEqual(
        await readFile(join(tenant.layout.folder, file)),
      );
      expect((await stat(join(restored.folder, file))).mode & 0o777).toBe(0o600);
    }
  });

  test("opens with age and tar, without us", async () => {
    const age = new Decrypter();
    age.addPassphrase(BACKUP_PASSPHRASE);
    await writeFile(join(folder, "plain.tar"), await age.decrypt(await readFile(await backUp())));
    await run("tar", ["xf", "plain.tar"], { cwd: folder });
    expect((await readdir(join(folder, TENANT))).sort()).toEqual(
      (await readdir(tenant.layout.folder)).sort(),
    );
    expect(JSON.parse(await readFile(join(folder, "veilmq-backup.json"), "utf8"))).toMatchObject({
      veilmq: "backup",
      tenant: TENANT,
      serial: 3,
      files: 11,
    });
  });

  test("leaves out what is not ours, and tells of itself in the log", async () => {
    await writeFile(join(tenant.layout.folder, "todo.txt"), "");
    const restored = await restore(await backUp());
    expect(await readdir(restored.folder)).not.toContain("todo.txt");
    const log = await readFile(join(restored.folder, "audit.log"), "utf8");
    expect(log.match(/"op":"\w+"/g)).toEqual([
      '"op":"init"',
      '"op":"enrol"',
      '"op":"export"',
      '"op":"restore"',
    ]);
  });

  test("is not made over another one, nor of a damaged folder", async () => {
    const path = await backUp();
    await expect(backUp()).rejects.toMatchObject({ code: "CONFLICT" });
    await rm(tenant.layout.bundle(2, "enrol-pi-01"));
    await expect(backUp("other")).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(await readdir(folder)).toEqual(["backup"]);
    expect((await restore(path)).clients).toBe(1);
  });

  test("says how far it is", async () => {
    const told: string[] = [];
    const onProgress = ({ done, of }: { done: number; of: number }): number =>
      told.push(`${done} of ${of}`);
    const path = await backUp("backup", { onProgress });
    expect(told.at(-1)).toBe("11 of 11");
    await restore(path, { onProgress });
    expect(told.at(-1)).toBe("11 of 11");
  });
});

describe("the restored owner", () => {
  test("goes on, and the bridge takes what it says", async () => {
    const before = (await enrol(tenant, { client: "pi-02", publish: ["b"], subscribe: [] })).bundle;
    await restore(await backUp());
    const dir = join(folder, "restored");
    await withTenant({ ...options, dir }, async (restored) => {
      const { bundle, serial } = await revoke(restored, "pi-02");
      expect(serial).toBeGreaterThan(1_000_000);
      expect((await bridgeWith(restored, before, bundle)).get("pi-02")?.status).toBe("revoked");
      expect((await verifyTenant(restored)).problems).toEqual([]);
    });
  });

  test("never gives a serial out again: not those after the backup, nor those of another restore of it", async () => {
    const path = await backUp();
    const given = new Set<number>();
    const give = async (from: Tenant): Promise<void> => {
      for (let round = 0; round < 5; round++) {
        const { serial } = await revoke(from, "pi-01");
        expect(given.has(serial)).toBe(false);
        expect(serial).toBeGreaterThan(Math.max(0, ...given));
        given.add(serial);
      }
    };
    await give(tenant);
    for (const name of ["first", "second", "third"]) {
      const dir = join(folder, name);
      await restore(path, { dir });
      await withTenant({ ...options, dir }, give);
    }
  });

  test("from before a rotation gives the next epoch a number of its own, and clients follow", async () => {
    const path = await backUp();
    const lost = await rotated(tenant);
    let credential = await readCredential(tenant.layout.credential("pi-01"));
    credential = await takeMail(credential, lost.mail);
    expect(lost.epochs).toEqual([1, 2]);

    const { folder: at } = await restore(path);
    const restored = { ...options, dir: join(at, "..") };
    const { epochs, mail } = await rotated(await openTenant(restored));
    expect(epochs[1]).toBeGreaterThan(20_000_000);
    credential = await takeMail(credential, mail);
    expect(credential.epochs.map(({ epoch }) => epoch)).toEqual(epochs);
    expect((await verifyTenant(await openTenant(restored))).problems).toEqual([]);

    // And one from after it has all that a rotation leaves.
    tenant = await openTenant(options);
    const dir = join(folder, "again");
    const after = await restore(await backUp("after"), { dir });
    expect(await readdir(join(after.folder, "state"))).toContain("rotating");
  });

  test("needs a clock that is not behind the backup, or a serial", async () => {
    await tenant.state.raiseSerial(1_000);
    const path = await backUp();
    const nowMs = Date.UTC(2026, 0, 1) + 999;
    await expect(restore(path, { nowMs })).rejects.toMatchObject({ code: "ROLLED_BACK" });
    await expect(restore(path, { nowMs, serialAbove: 1_000 })).rejects.toMatchObject({
      code: "ROLLED_BACK",
    });
    for (const serialAbove of [5_000.5, Number.NaN, -1])
      await expect(restore(path, { nowMs, serialAbove })).rejects.toMatchObject({
        code: "BAD_ARGUMENT",
      });
    expect(await readdir(join(folder, "restored"))).toEqual([]);
    expect((await restore(path, { nowMs, serialAbove: 5_000 })).serial).toBe(5_000);
  });
});

describe("refused, and nothing is left behind", () => {
  test.each([
    ["another passphrase of the backup", { backupPassphrase: "something else" }],
    ["another passphrase of the tenant", { passphrase: "something else" }],
  ])("%s", async (_, request) => {
    const path = await backUp();
    await expect(restore(path, request)).rejects.toMatchObject({ code: "AUTH" });
    expect(await readdir(join(folder, "restored"))).toEqual([]);
  });

  test("a tenant that is there", async () => {
    const path = await backUp();
    await expect(restore(path, { dir: options.dir })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(await readdir(options.dir)).toEqual([TENANT]);
  });

  test("a backup with any byte changed, or cut off anywhere", { timeout: 60_000 }, async () => {
    const path = await backUp();
    const whole = await readFile(path);
    const body = whole.indexOf("\n---") + 1;
    const refused = async (): Promise<void> => {
      await expect(restore(path)).rejects.toMatchObject({ code: "AUTH" });
      expect(await readdir(join(folder, "restored"))).toEqual([]);
    };
    for (const at of fc.sample(fc.integer({ min: body, max: whole.length - 1 }), 20)) {
      const changed = Buffer.from(whole);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      await writeFile(path, changed);
      await refused();
    }
    for (const length of fc.sample(fc.integer({ min: body, max: whole.length - 1 }), 10)) {
      await writeFile(path, whole);
      await truncate(path, length);
      await refused();
    }
    await writeFile(path, whole);
    await appendFile(path, "x");
    await refused();
  });

  test("a file or a folder that is not there says so", async () => {
    await expect(restore(join(folder, "none"))).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringMatching(/^cannot read .*none: it is not there$/),
    });
    await expect(backUp("none/backup")).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      message: expect.stringMatching(/: its folder is not there$/),
    });
  });

  test.each([
    ["a way out of the folder", "acme/../../escaped"],
    ["another tenant's file", "other/master.age"],
    ["a file that no command makes", "acme/.bashrc"],
    ["the manifest twice", "veilmq-backup.json"],
  ])("%s", async (_, path) => {
    const backup = await sealed([manifest(1), file(path, "x")]);
    await expect(restore(backup)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    expect(await readdir(folder)).toEqual(expect.not.arrayContaining(["escaped"]));
    expect(await readdir(join(folder, "restored"))).toEqual([]);
  });

  test.each([
    ["nothing in it", []],
    ["no manifest", [file("acme/master.age", "x")]],
    ["a manifest that is none", [file("veilmq-backup.json", "{}")]],
    ["fewer files than it says", [manifest(1)]],
  ])("a backup with %s", async (_, files) => {
    await expect(restore(await sealed(files))).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
  });

  test("what is not an archive", async () => {
    await expect(restore(await sealedBytes([Buffer.alloc(5_000, 7)]))).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
  });

  async function sealed(files: FileToPack[]): Promise<string> {
    return await sealedBytes(pack(iterate(files)));
  }

  async function sealedBytes(content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
    const path = join(folder, "made-up");
    const stream = await sealStream(iterate(content), BACKUP_PASSPHRASE, CHEAP_SCRYPT);
    await writeFile(path, stream);
    await mkdir(join(folder, "restored"), { recursive: true });
    return path;
  }
});

async function* iterate<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  yield* items;
}

function manifest(files: number): FileToPack {
  const body = { veilmq: "backup", version: 1, tenant: TENANT, createdAtMs: 1, serial: 1, files };
  return file("veilmq-backup.json", JSON.stringify(body));
}

function file(path: string, text: string): FileToPack {
  const content = Buffer.from(text);
  return { path, mode: 0o600, modifiedAtMs: 0, bytes: content.length, content: [content] };
}
