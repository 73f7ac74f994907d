/** The owner's week, after the first afternoon: grants, a fleet, a look at it all, a backup and what it is for. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { initCheaply } from "./cheap-tenant.ts";
import { importServer } from "./import-server.ts";
import { veilmqHere } from "./in-process.ts";
import { type Transcript, veilmq } from "./veilmq.ts";

let folder: string;

/** In the owner's folder, with the passphrase. */
function kms(...args: string[]): Promise<Transcript> {
  return veilmqHere(["kms", ...args, "--passphrase-file", "pass"], folder);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-test-"));
  const passphrase = "correct horse battery";
  await writeFile(join(folder, "pass"), `${passphrase}\n`, { mode: 0o600 });
  await writeFile(join(folder, "backup-pass"), "another long passphrase\n", { mode: 0o600 });
  await initCheaply({ dir: join(folder, "kms"), tenant: "acme", passphrase });
  await kms("enrol", "pi-01", "--publish", "plant/flow", "--valid-until", "2099-12-31");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("kms grant and ungrant", () => {
  test("a topic more, which the device has to be told", async () => {
    expect(await kms("grant", "pi-01", "--publish", "plant/heat")).toEqual({
      code: 0,
      stdout: [
        "pi-01 may now: publish 2, subscribe 0, serial 3",
        "credential: kms/acme/credentials/pi-01.cred.json",
        "documents:  kms/acme/documents/000000000003-grant-pi-01.json",
        "",
      ].join("\n"),
      stderr:
        "veilmq: the credential was written again, with the new topics: bring it to the client\n",
    });
  });

  test("a producer that reads, and the bridge knows it", async () => {
    const { url, caFile, received } = await importServer();
    const post = ["--bridge", url, "--bridge-ca", caFile];
    const granted = await kms("grant", "pi-01", "--subscribe", "plant/set", "--json", ...post);
    expect(JSON.parse(granted.stdout)).toEqual({
      client: "pi-01",
      serial: 4,
      publish: 2,
      subscribe: 1,
      credential: "kms/acme/credentials/pi-01.cred.json",
      newRecordHalf: true,
      bundle: "kms/acme/documents/000000000004-grant-pi-01.json",
    });
    expect(granted.stderr).toBe(
      [
        "veilmq: the credential was written again, with a key to read with: the client needs it",
        "veilmq: the bridge has the documents: 3 new, 0 known already",
        "",
      ].join("\n"),
    );
    expect(received).toHaveLength(1);
  });

  test("a topic less", async () => {
    const { stdout } = await kms("ungrant", "pi-01", "--publish", "plant/heat");
    expect(stdout).toMatch(/^pi-01 may now: publish 1, subscribe 1, serial 5\n/);
    expect(await kms("ungrant", "pi-01", "--publish", "plant/heat")).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "veilmq: error: 1 of these are not granted to the client",
        "veilmq: hint: `veilmq kms show` names what it has; nothing was changed",
        "",
      ].join("\n"),
    });
  });

  test.each([
    [["grant", "pi-01", "--publish", "x", "--valid-until", "2027-02-30"], /It is a date/],
    [["enrol"], /name a client, or a list with --csv/],
    [["enrol", "x", "--csv", "list.csv"], /name a client, or a list with --csv/],
    [["enrol", "--csv", "list.csv", "--publish", "x"], /cannot be used with option/],
    [["restore", "x", "--serial-above", "-1"], /It is a whole number/],
  ])("%j is a wrong command line", async (args, message) => {
    const { code, stderr } = await kms(...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
  });
});

describe("kms show", () => {
  test("a client, with its topics", async () => {
    const { code, stdout, stderr } = await kms("show", "pi-01");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replace(/since \S+/, "since …").replace(/veil-\w{16}/, "veil-…")).toBe(
      [
        "client      pi-01, active, since …",
        "serial      5",
        "epoch 1     p256, has a key to read with",
        "signs       no",
        "group       veil-…",
        "",
        "TOPIC       OPS      VALID FROM  VALID UNTIL  STATE",
        "plant/flow  pub      -           2099-12-31   in force",
        "plant/set   sub      -           -            in force",
        "",
      ].join("\n"),
    );
  });

  test("the tenant, as JSON", async () => {
    expect(JSON.parse((await kms("show", "--json")).stdout)).toMatchObject({
      tenant: "acme",
      epochs: [{ epoch: 1, suite: "p256" }],
      serial: 5,
      clients: 1,
      kafka: { partitions: 1, retentionMs: 30 * 24 * 3_600_000 },
      recipients: [expect.stringMatching(/^age1/)],
    });
  });

  test("nobody", async () => {
    expect((await kms("show", "who")).stderr).toBe(
      "veilmq: error: who is not enrolled\nveilmq: hint: `veilmq kms list` names who is\n",
    );
  });
});

describe("kms enrol --csv", () => {
  test("tells all that is wrong, before anything is made", async () => {
    const list = "client,publish,valid_until\nPi,a,\npi-01,a,\npi-02,,\npi-03,a,tomorrow\n";
    await writeFile(join(folder, "bad.csv"), list);
    expect(await kms("enrol", "--csv", "bad.csv")).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "veilmq: error: nothing was made:",
        "  line 2: the client must be 1 to 64 of a-z 0-9 . _ -, and start with a letter or digit",
        "  line 3: pi-01 is enrolled already",
        "  line 4: the client has no topic",
        "  line 5: valid_until must be a date, such as 2027-12-31, or never",
        "veilmq: hint: --skip-enrolled leaves those as they are, and goes on where the last time was cut off",
        "",
      ].join("\n"),
    });
  });

  test("a fleet, with progress and the rate", async () => {
    const rows = Array.from({ length: 120 }, (_, index) => `card-${index},site/${index}|site/all`);
    await writeFile(join(folder, "fleet.csv"), ["client,publish", ...rows].join("\n"));
    const { code, stdout, stderr } = await kms("enrol", "--csv", "fleet.csv", "--out", "cards");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^120 clients enrolled, 0 left as they were: [\d.]+ s, [\d.]+ a second\ncredentials: cards\/\ndocuments: {3}kms\/acme\/documents\/000000000006-enrol-120-clients.json\n$/,
    );
    expect(stderr).toMatch(
      /^(enrolling clients: \d+ of 120 \(\d+ s(, [\d.]+ a second)?\)\n){5,12}$/,
    );
    expect(await readdir(join(folder, "cards"))).toHaveLength(120);
    const skipped = await kms("enrol", "--csv", "fleet.csv", "--skip-enrolled", "--json");
    expect(JSON.parse(skipped.stdout)).toMatchObject({ enrolled: 0, skipped: 120, bundles: [] });
  });

  test("a list that is not UTF-8", async () => {
    await writeFile(
      join(folder, "latin1.csv"),
      Buffer.from("client,publish\npi,k\xe4lte\n", "latin1"),
    );
    expect((await kms("enrol", "--csv", "latin1.csv")).stderr).toBe(
      "veilmq: error: latin1.csv is not UTF-8\n",
    );
  });
});

describe("kms verify", () => {
  test("all is well", async () => {
    expect(await kms("verify")).toEqual({
      code: 0,
      stdout:
        "all is well: 125 lines of the audit log, 121 clients, 373 documents in 6 files, 1 credentials\n",
      stderr: "",
    });
  });

  test("a changed byte is named, and is the exit code", async () => {
    const path = join(folder, "kms/acme/documents/000000000005-ungrant-pi-01.json");
    const whole = await readFile(path);
    const changed = Buffer.from(whole);
    changed.writeUInt8(changed.readUInt8(500) ^ 1, 500);
    await writeFile(path, changed);
    const plain = await veilmq(["kms", "verify", "--passphrase-file", "pass"], folder);
    const json = await kms("verify", "--json");
    await writeFile(path, whole);
    expect(plain).toEqual({
      code: 1,
      stdout:
        "documents/000000000005-ungrant-pi-01.json: was changed: it is not the file that the audit log knows\n",
      stderr: [
        "veilmq: error: 1 of the folder's files are not right",
        "veilmq: hint: what was changed comes back from a backup: veilmq kms restore FILE --dir elsewhere, and compare",
        "",
      ].join("\n"),
    });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      problems: [{ path: "documents/000000000005-ungrant-pi-01.json" }],
    });
  });

  test("the log names no topic", async () => {
    const log = await readFile(join(folder, "kms/acme/audit.log"), "utf8");
    expect(log).not.toMatch(/plant|site/);
    expect(log.trimEnd().split("\n")).toHaveLength(125);
  });
});

describe("kms export and restore", () => {
  test("everything, sealed, and back", async () => {
    const sealed = ["--backup-passphrase-file", "backup-pass"];
    const exported = await kms("export", "acme.backup", ...sealed);
    expect(exported).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^acme.backup: 136 files of acme, \d+ bytes, up to serial 126\n$/,
      ),
      stderr: "",
    });
    expect((await stat(join(folder, "acme.backup"))).mode & 0o777).toBe(0o600);
    expect((await kms("export", "acme.backup", ...sealed)).stderr).toMatch(
      /acme.backup exists already/,
    );

    const restored = await kms("restore", "acme.backup", "--dir", "new", ...sealed);
    expect(restored).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        /^tenant acme: 121 clients, in new\/acme\nserials go on above \d{11,12}; the backup knew of 126\n$/,
      ),
      stderr: expect.stringMatching(
        /^veilmq: what was done after \S+ is not in it: who was revoked since is active here\nveilmq: hint: .*\n$/,
      ),
    });
    expect((await kms("revoke", "pi-01", "--dir", "new")).stdout).toMatch(/serial \d{11,12}\n/);
    expect((await kms("verify", "--dir", "new")).code).toBe(0);
  });

  test("not with another passphrase", async () => {
    const args = ["--dir", "other", "--backup-passphrase-file", "pass"];
    expect(await kms("restore", "acme.backup", ...args)).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "veilmq: error: the passphrase does not open the backup, or it was changed",
        "veilmq: hint: it is the passphrase that was given to `kms export`, not the tenant's",
        "",
      ].join("\n"),
    });
  });
});

test.each([
  "grant",
  "ungrant",
  "enrol",
  "revoke",
  "rotate",
  "list",
  "show",
  "verify",
  "export",
  "restore",
  "init",
])("kms %s --help teaches with examples", async (command) => {
  const { code, stdout } = await veilmqHere(["kms", command, "--help"]);
  expect(code).toBe(0);
  expect(stdout).toContain("--json");
  expect(stdout).toMatch(new RegExp(`Examples:\n {2}veilmq kms ${command}`));
});
