/** The passphrase at a terminal: a real one, without an echo. */
import { describe, expect, test } from "vitest";
import { makeTenant, PASSPHRASE } from "../kms/fixture.ts";
import { testFolder } from "../support/folder.ts";
import { veilmqOnTerminal } from "./veilmq.ts";

const CTRL_C = "\x03";
const BACKSPACE = "\x7f";
const RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

describe("at a terminal", () => {
  test("it opens the tenant and is not shown", async () => {
    const { dir } = await makeTenant();
    const typed = `x${BACKSPACE}${PASSPHRASE}\r`;
    const shown = await veilmqOnTerminal(
      ["kms", "list", "--dir", dir],
      [{ prompt: "Passphrase: ", type: typed }],
    );
    expect(shown).toEqual({
      code: 0,
      stdout: "Passphrase: \r\nCLIENT  STATUS   PUBLISH  SUBSCRIBE  SERIAL  EPOCHS\r\n",
      stderr: "",
    });
  });

  test("Ctrl-C ends the command as a signal would", async () => {
    const { dir } = await makeTenant();
    const keys = [{ prompt: "Passphrase: ", type: `corr${CTRL_C}` }];
    const shown = await veilmqOnTerminal(["kms", "list", "--dir", dir], keys);
    expect(shown).toMatchObject({
      code: 130,
      stdout: "Passphrase: \r\nveilmq: error: no passphrase was given\r\n",
    });
  });

  test.each([
    ["two that differ", ["long enough\r", "long enouhg\r"], "the two passphrases differ"],
    ["an empty one", ["\r", "\r"], "a passphrase has at least 8 characters"],
  ])("a new one is asked for twice; refused: %s", async (_, [first = "", second = ""], message) => {
    const dir = await testFolder();
    const args = ["kms", "init", "acme", "--dir", dir, "--bridge-recipient", RECIPIENT];
    const { code, stdout } = await veilmqOnTerminal(args, [
      { prompt: "New passphrase: ", type: first },
      { prompt: "The same again: ", type: second },
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      `New passphrase: \r\nThe same again: \r\nveilmq: error: ${message}\r\n`,
    );
  });

  test("both may be pasted at once", async () => {
    const dir = await testFolder();
    const args = ["kms", "init", "acme", "--dir", dir, "--bridge-recipient", RECIPIENT];
    const { stdout } = await veilmqOnTerminal(args, [
      { prompt: "New passphrase: ", type: "horse\rhorse\r" },
    ]);
    expect(stdout).toContain("a passphrase has at least 8 characters");
  });
});
