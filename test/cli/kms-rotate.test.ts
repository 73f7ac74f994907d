/** The owner's year: another epoch, what becomes of the one before, and keys in wrong hands. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { initCheaply, makeCheap } from "./cheap-tenant.ts";
import { importServer } from "./import-server.ts";
import { veilmqHere } from "./in-process.ts";
import { type Transcript, veilmq } from "./veilmq.ts";

const PASSPHRASE = "correct horse battery";
let folder: string;

/** In the owner's folder, with the passphrase. */
function kms(...args: string[]): Promise<Transcript> {
  return veilmqHere(["kms", ...args, "--passphrase-file", "pass"], folder);
}

const tenant = () => ({ dir: join(folder, "kms"), tenant: "acme", passphrase: PASSPHRASE });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-test-"));
  await writeFile(join(folder, "pass"), `${PASSPHRASE}\n`, { mode: 0o600 });
  await initCheaply(tenant());
  await kms("enrol", "pi-01", "--publish", "plant/flow");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const TIME = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ";

test("another epoch, sent to the bridge, and when the one before ends", async () => {
  const { url, caFile, received } = await importServer();
  const post = ["--bridge", url, "--bridge-ca", caFile];
  const args = ["rotate", "--grace", "21d", ...post, "--passphrase-file", "pass"];
  const { code, stdout, stderr } = await veilmq(["kms", ...args], folder);
  await makeCheap(tenant());
  expect(code).toBe(0);
  const lines = [
    "rotated: 1 clients told in [\\d.]+ s",
    `epoch 1     p256, names until ${TIME}, records until ${TIME}`,
    "epoch 2     p256, the newest",
    `next        veilmq kms rotate --retire takes away the tag halves of epoch 1, from ${TIME} on`,
    "documents:  kms/acme/documents/000000000003-rotate.json",
    "       … to kms/acme/documents/000000000004-rotate-1-clients.json: 2 files, in their order",
  ];
  expect(stdout).toMatch(new RegExp(`^${lines.join("\n")}\n$`));
  expect(stderr).toContain("the bridge has the documents");
  expect(received).toHaveLength(2);
  const [, ...epochs] = lines;
  expect((await kms("show")).stdout).toMatch(new RegExp(epochs.slice(0, 3).join("\n")));
  expect((await kms("list")).stdout).toMatch(/pi-01 .* 1,2\n/);
  expect((await kms("verify")).code).toBe(0);
});

test("nothing to take away yet", async () => {
  const { code, stdout } = await kms("rotate", "--retire");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^nothing is due: 0 clients told\nepoch 1 /);
});

test("keys in wrong hands, and what is lost with them", async () => {
  const { code, stdout, stderr } = await kms("rotate", "--compromised", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    done: "rotate",
    epochs: [{ epoch: 3, suite: "p256", tagsUntilMs: null, recordsUntilMs: null }],
    dropped: [1, 2],
    next: null,
    clients: 1,
  });
  expect(stderr).toMatch(/^veilmq: lost .* under epochs 1, 2 and has not been read yet/);
});

test.each([
  [["--retire", "--grace", "1d"], "--retire makes no new epoch"],
  [["--compromised", "--grace", "1d"], "with --compromised there is no grace window"],
  [["--grace", "1w"], "It is a time, such as 14d, 36h or 90m."],
  [["--bits", "2048", "--suite", "p256"], "keys of suite p256 have one size"],
])("not with %j", async (args, message) => {
  const { code, stderr } = await kms("rotate", ...args);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});
