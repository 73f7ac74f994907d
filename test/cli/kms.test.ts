/** The owner's afternoon, from nothing: one search for real safe primes, then everything with the result. */
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCredential } from "../../core/wire/credential.ts";
import { makeCheap } from "./cheap-tenant.ts";
import { importServer } from "./import-server.ts";
import { veilmqHere } from "./in-process.ts";
import { type Transcript, veilmq } from "./veilmq.ts";

const SEARCH_TIMEOUT_MS = 180_000;
const PASSPHRASE = "correct horse battery";
let folder: string;
let recipient: string;
let init: Transcript;

/** In the owner's folder, with the passphrase. */
function kms(...args: string[]): Promise<Transcript> {
  return veilmqHere(["kms", ...args, "--passphrase-file", "pass"], folder);
}

/** As {@link kms}, in a process of its own. */
function kmsAlone(...args: string[]): Promise<Transcript> {
  return veilmq(["kms", ...args, "--passphrase-file", "pass"], folder);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-test-"));
  await writeFile(join(folder, "pass"), `${PASSPHRASE}\n`, { mode: 0o600 });
  await writeFile(join(folder, "short"), "horse\n", { mode: 0o600 });
  await writeFile(join(folder, "wrong"), "correct horse batteries\n", { mode: 0o600 });
  await writeFile(join(folder, "open"), "correct horse battery\n", { mode: 0o644 });
  recipient = (await veilmqHere(["bridge", "identity", "--out", "id.age"], folder)).stdout.trim();
  init = await kmsAlone("init", "acme", "--bits", "2048", "--bridge-recipient", recipient);
}, SEARCH_TIMEOUT_MS);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("kms init", () => {
  test("says what it made on stdout, and how far it was on stderr", () => {
    expect(init).toEqual({
      code: 0,
      stdout: [
        "tenant acme: suite rsa, 2048 bits, epoch 1",
        "for bridge.yaml: kms/acme/public.json",
        "documents:       kms/acme/documents/000000000001-head.json",
        "",
      ].join("\n"),
      stderr: expect.stringMatching(/^(searching safe primes: [0-4] of 4 \(\d+ s\)\n){5}$/),
    });
  });

  test("makes keys of another suite at once, of the only size there is", async () => {
    const args = ["init", "small", "--suite", "p256", "--bridge-recipient", recipient];
    expect(await kms(...args, "--bits", "2048")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: keys of suite p256 have one size\nveilmq: hint: leave out --bits: it is for suite rsa\n",
    });
    const { code, stdout, stderr } = await kms(...args, "--dir", "other");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("tenant small: suite p256, epoch 1\n");
  });

  test("does not overwrite", async () => {
    expect(await kms("init", "acme", "--bridge-recipient", recipient)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: kms/acme exists already\nveilmq: hint: a tenant is never overwritten: its keys could not be made again\n",
    });
  });

  test.each([
    ["short", "a passphrase has at least 8 characters"],
    ["open", "open can be read by others\nveilmq: hint: chmod 600 open"],
    ["missing", "cannot read missing: it is not there"],
  ])("refuses the passphrase file %s", async (file, message) => {
    const args = ["kms", "init", "b", "--bridge-recipient", recipient, "--passphrase-file", file];
    const { code, stdout, stderr } = await veilmqHere(args, folder);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`veilmq: error: ${message}\n`);
  });
});

describe("kms enrol, list and revoke", () => {
  test("a device, a consumer, and the device's end", async () => {
    expect(await kmsAlone("enrol", "pi-01", "--publish", "a/b", "c", "--signs")).toEqual({
      code: 0,
      stdout: [
        "pi-01 enrolled: publish 2, subscribe 0, serial 2",
        "credential: kms/acme/credentials/pi-01.cred.json",
        "documents:  kms/acme/documents/000000000002-enrol-pi-01.json",
        "",
      ].join("\n"),
      stderr: "",
    });
    const credential = join(folder, "kms/acme/credentials/pi-01.cred.json");
    expect((await stat(credential)).mode & 0o777).toBe(0o600);
    expect(decodeCredential(await readFile(credential)).topics).toHaveLength(2);
    await makeCheap({ dir: join(folder, "kms"), tenant: "acme", passphrase: PASSPHRASE });

    expect(await kms("enrol", "pi-01", "--publish", "a/b")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: pi-01 is enrolled already (active)\nveilmq: hint: --again gives it a new credential, and ends the old one when the bridge has the documents\n",
    });
    const again = await kms("enrol", "pi-01", "--again", "--publish", "a/b");
    expect(again.stdout).toMatch(/^pi-01 enrolled again: publish 1, subscribe 0, serial 3\n/);

    const desk = await kms("enrol", "desk", "--subscribe", "a/b", "--json", "--out", "desk.json");
    expect(JSON.parse(desk.stdout)).toEqual({
      client: "desk",
      serial: 4,
      again: false,
      publish: 0,
      subscribe: 1,
      credential: "desk.json",
      bundle: "kms/acme/documents/000000000004-enrol-desk.json",
    });

    expect((await kms("revoke", "pi-01")).stdout).toBe(
      "pi-01 revoked: serial 5\ndocuments: kms/acme/documents/000000000005-revoke-pi-01.json\n",
    );
    expect(await kms("list")).toEqual({
      code: 0,
      stdout: [
        "CLIENT  STATUS   PUBLISH  SUBSCRIBE  SERIAL  EPOCHS",
        "desk    active         0          1       4  1",
        "pi-01   revoked        1          0       5  1",
        "",
      ].join("\n"),
      stderr: "",
    });
    expect((await kms("list", "--topics")).stdout).toContain("\n  sub a/b\npi-01 ");
    const listed: unknown = JSON.parse((await kms("list", "--json")).stdout);
    expect(listed).toMatchObject([{ client: "desk", status: "active" }, { client: "pi-01" }]);
    expect(JSON.stringify(listed)).not.toContain("a/b");
  });

  test("a client that is not there", async () => {
    expect(await kms("revoke", "nobody")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: nobody is not enrolled\nveilmq: hint: `veilmq kms list` names who is\n",
    });
  });

  test("nothing without the passphrase", async () => {
    expect(await veilmqHere(["kms", "list", "--passphrase-file", "wrong"], folder)).toEqual({
      code: 1,
      stdout: "",
      stderr: [
        "veilmq: error: the passphrase does not open the master file",
        "veilmq: hint: is it the passphrase of this tenant? If so, the file was changed: take a copy",
        "",
      ].join("\n"),
    });
    expect((await veilmq(["kms", "list"], folder)).stderr).toMatch(
      /no terminal.*\n.*--passphrase-file/,
    );
  });

  test("nothing where there is no tenant", async () => {
    expect((await kms("list", "--dir", "elsewhere")).stderr).toMatch(
      /^veilmq: error: there is no tenant in elsewhere\n/,
    );
    expect((await kms("list", "--tenant", "other")).stderr).toMatch(
      /^veilmq: error: there is no tenant other in \.\/kms\n/,
    );
  });
});

describe("--bridge", () => {
  test("sends the documents too", async () => {
    const { url, caFile, received } = await importServer();
    const args = ["--publish", "x", "--bridge", url, "--bridge-ca", caFile];
    const { code, stderr } = await kms("enrol", "pi-07", ...args);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: "veilmq: the bridge has the documents: 3 new, 0 known already\n",
    });
    expect(received).toEqual([
      [
        "/veilmq/acme/clients/pi-07",
        "/veilmq/acme/clients/pi-07/g0",
        "/veilmq/acme/clients/pi-07/cert",
      ],
    ]);
  });

  test("that cannot be reached leaves the bundle to be sent later", async () => {
    const { code, stdout, stderr } = await kmsAlone(
      "revoke",
      "desk",
      "--bridge",
      "http://127.0.0.1:1",
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^desk revoked/);
    const bundle = /documents: (\S+)/.exec(stdout)?.[1];
    expect(stderr).toBe(
      [
        `veilmq: error: ${bundle}: the bridge cannot be reached (ECONNREFUSED)`,
        `veilmq: hint: the file is complete; later: veilmq bridge import ${bundle} --bridge URL`,
        "",
      ].join("\n"),
    );
  });
});
