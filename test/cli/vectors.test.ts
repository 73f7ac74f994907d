import { execFile } from "node:child_process";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { testFolder } from "../support/folder.ts";
import { veilmqHere } from "./in-process.ts";
import { veilmq } from "./veilmq.ts";

const VECTORS = resolve("test/vectors");

/** A copy of a vector file with one text replaced. */
async function changed(name: string, from: string | RegExp, to: string): Promise<string> {
  const folder = await testFolder();
  const text = await readFile(join(VECTORS, name), "utf8");
  const other = text.replace(from, to);
  if (other === text) throw new Error("nothing was changed");
  await writeFile(join(folder, name), other);
  return folder;
}

describe("vectors", () => {
  test("that all agree are a line each", async () => {
    const files = (await readdir(VECTORS)).filter((name) => name.endsWith(".json")).sort();
    expect(await veilmq(["vectors", ...files], VECTORS)).toEqual({
      code: 0,
      stdout: [
        "announcement.json: announcement: 2 cases ok",
        "document.json: document: 1 case ok",
        "hmac.json: hmac: 1 case ok",
        "mail.json: mail: 1 case ok",
        "p256.json: p256: 2 cases ok",
        "paper.json: paper: 3 cases ok",
        "pki.json: pki: 2 cases ok",
        "record-hmac.json: record: 1 case ok",
        "record-p256.json: record: 1 case ok",
        "record-pki.json: record: 1 case ok",
        "record-rsa.json: record: 4 cases ok",
        "record.json: record: 1 case ok",
        "rfc.json: rfc: 20 cases ok",
        "rsa.json: rsa: 2 cases ok",
        "",
      ].join("\n"),
      stderr: "",
    });
  });

  test("that differ show where first", async () => {
    const folder = await changed(
      "record.json",
      /"kid": *"d67b|"commit": *"d67b/,
      '"commit": "067b',
    );
    await copyFile(join(VECTORS, "rsa.json"), join(folder, "rsa.json"));
    const { code, stdout, stderr } = await veilmqHere(
      ["vectors", "record.json", "rsa.json"],
      folder,
    );
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(
      /^record\.json: record: commit differs\n {2}expected 067b\w+\n {2}got {6}d67b\w+\nrsa\.json: rsa: 2 cases ok\n$/,
    );
  });

  test("that cannot be checked are errors, and the others are still checked", async () => {
    const folder = await changed("paper.json", /^/, "no JSON");
    await writeFile(join(folder, "other.json"), '{"suite":"rot13"}');
    const files = ["nowhere.json", "paper.json", "other.json", join(VECTORS, "paper.json")];
    expect(await veilmqHere(["vectors", ...files], folder)).toEqual({
      code: 1,
      stdout: `${join(VECTORS, "paper.json")}: paper: 3 cases ok\n`,
      stderr: [
        "veilmq: error: ENOENT: no such file or directory, open 'nowhere.json'",
        "veilmq: error: paper.json: not valid JSON",
        "veilmq: error: other.json: unknown vector shape",
        'veilmq: hint: a vector file says "suite": "rsa", "p256", "hmac", "pki" or "paper", or "kind": "record", "announcement", "document", "mail" or "rfc"',
        "",
      ].join("\n"),
    });
  });
});

describe("a file", () => {
  test("may begin with a byte order mark", async () => {
    const folder = await changed("p256.json", /^/, "\uFEFF");
    expect(await veilmqHere(["vectors", "p256.json"], folder)).toMatchObject({
      code: 0,
      stderr: "",
    });
  });

  test("with a field of an unknown name passes, and the field is named", async () => {
    const folder = await changed("p256.json", /"tag":/, '"gat":');
    expect(await veilmqHere(["vectors", "p256.json"], folder)).toEqual({
      code: 0,
      stdout: "p256.json: p256: 2 cases ok\n",
      stderr: "veilmq: note: p256.json: not checked: cases[0].gat\n",
    });
  });

  test("that is a folder is named", async () => {
    expect(await veilmqHere(["vectors", "vectors"], "test")).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: vectors: is a folder\nveilmq: hint: its files are wanted, such as vectors/*.json\n",
    });
  });

  test("is a JSON object where that is asked for", async () => {
    const folder = await changed("p256.json", /"tag": "f7/, '"tag": "07');
    const files = ["p256.json", join(VECTORS, "hmac.json")];
    const { code, stdout } = await veilmqHere(["vectors", "--json", ...files], folder);
    expect(code).toBe(1);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { file: "p256.json", ok: false, suite: "p256", difference: { where: "cases[0].tag" } },
      { file: files[1], ok: true, suite: "hmac", cases: 1 },
    ]);
  });
});

test("a reader that leaves early is no error", async () => {
  const pipe = `"${process.execPath}" dist/cli/main.js vectors ${join(VECTORS, "rsa.json")} | true`;
  const { stderr } = await promisify(execFile)("sh", ["-c", pipe]);
  expect(stderr).toBe("");
});
