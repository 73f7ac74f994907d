import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { veilmqHere } from "./in-process.ts";
import { veilmq } from "./veilmq.ts";

const HINT = "veilmq: hint: add --help to see what the command takes\n";

describe("veilmq", () => {
  test("says its version", async () => {
    const manifest = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile("package.json", "utf8")));
    expect(await veilmq(["--version"])).toEqual({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: "",
    });
  });

  test("without a command shows what there is, as an error", async () => {
    const { code, stdout, stderr } = await veilmq([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const command of ["kms", "bridge", "consume", "vectors"])
      expect(stderr).toMatch(new RegExp(`^ {2}${command} `, "m"));
  });

  test("with --json says why it failed for programs too", async () => {
    const args = ["kms", "list", "--dir", "nowhere", "--json"];
    const { code, stdout, stderr } = await veilmqHere(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines[0]).toBe("veilmq: error: there is no tenant in nowhere");
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
      error: {
        code: "NOT_FOUND",
        message: "there is no tenant in nowhere",
        hint: expect.any(String),
        retryable: false,
      },
    });
  });

  test("with --json says for programs too what it did not understand", async () => {
    const { code, stderr } = await veilmqHere(["kms", "list", "--unknown", "--json"]);
    expect(code).toBe(2);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.slice(0, -1).join("\n")).toBe(
      `veilmq: error: unknown option '--unknown'\n${HINT.trimEnd()}`,
    );
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({
      error: {
        code: "BAD_ARGUMENT",
        message: "unknown option '--unknown'",
        hint: expect.any(String),
        retryable: false,
      },
    });
  });

  test.each([
    [["nothing"], "unknown command 'nothing'"],
    [["kms", "list", "--unknown"], "unknown option '--unknown'"],
    [["kms", "enrol"], "name a client, or a list with --csv"],
    [
      ["kms", "revoke", "a", "b"],
      "too many arguments for 'revoke'. Expected 1 argument but got 2.",
    ],
    [["kms", "init", "acme"], "required option '--bridge-recipient <recipient...>' not specified"],
    [
      ["kms", "init", "acme", "--bits", "1024"],
      "option '--bits <size>' argument '1024' is invalid. Allowed choices are 2048, 3072, 4096.",
    ],
    [
      ["kms", "enrol", "pi", "--valid-until", "soon"],
      "option '--valid-until <date>' argument 'soon' is invalid. It is a date, such as 2027-12-31, or never.",
    ],
    [["bridge", "import", "a.json"], "required option '--bridge <url>' not specified"],
    [["consume", "--credential", "c"], "name a topic, or --list to see what you may read"],
    [
      ["consume", "a", "--credential", "c", "--from", "yesterday"],
      "option '--from <where>' argument 'yesterday' is invalid. It is checkpoint, beginning, latest, 2027-12-31, 2027-12-31T08:00 or a duration such as 90s, 15m, 6h, 2d (ago).",
    ],
    [
      ["consume", "a", "--credential", "c", "--output", "o", "--exec", "cat"],
      "option '--output <file>' cannot be used with option '--exec <command>'",
    ],
    [
      ["dashboard", "--credential", "c", "--tls-cert", "x"],
      "--tls-cert and --tls-key belong together",
    ],
    [["vectors"], "missing required argument 'file'"],
  ])("refuses %j as a matter of usage", async (args, message) => {
    expect(await veilmqHere(args)).toEqual({
      code: 2,
      stdout: "",
      stderr: `veilmq: error: ${message}\n${HINT}`,
    });
  });

  test.each([
    [[]],
    [["kms"]],
    [["agent"]],
    [["bridge"]],
    [["kms", "init"]],
    [["kms", "enrol"]],
    [["kms", "revoke"]],
    [["kms", "list"]],
    [["bridge", "identity"]],
    [["bridge", "import"]],
    [["consume"]],
    [["dashboard"]],
    [["vectors"]],
  ])("%j --help teaches with an example", async (args) => {
    const { code, stdout, stderr } = await veilmqHere([...args, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^Examples?.*:\n {2}veilmq /m);
  });
});
