import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readSecretFile, replaceFile, replaceSecretFile } from "../../../core/runtime/files.ts";

const folder = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a secret file", () => {
  const path = join(folder, "secret");

  test("is readable by its owner alone and leaves nothing beside it", async () => {
    await replaceSecretFile(path, "one");
    await replaceSecretFile(path, "two");
    expect((await readSecretFile(path)).toString()).toBe("two");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["secret"]);
  });

  test.each([
    ["nothing", "nothing: it is not there"],
    ["secret/nothing", "nothing: its folder is a file"],
  ])("that cannot be read says why: %s", async (name, message) => {
    writeFileSync(path, "x");
    await expect(readSecretFile(join(folder, name))).rejects.toThrow(message);
  });

  test("is no folder", async () => {
    await expect(readSecretFile(folder)).rejects.toThrow(`${folder} is a folder`);
  });

  test.each([0o640, 0o604, 0o644])("is refused with mode %o", async (mode) => {
    writeFileSync(path, "x");
    chmodSync(path, mode);
    await expect(readSecretFile(path)).rejects.toMatchObject({
      code: "SECRET_FILE",
      hint: `chmod 600 ${path}`,
    });
  });

  test("that is missing or too large is refused", async () => {
    await expect(readSecretFile(join(folder, "none"))).rejects.toMatchObject({
      code: "SECRET_FILE",
    });
    await replaceSecretFile(path, "12345");
    await expect(readSecretFile(path, 4)).rejects.toMatchObject({ code: "SECRET_FILE" });
  });
});

describe("replacing a file", () => {
  test("into a folder that is not there changes nothing", async () => {
    await expect(replaceFile(join(folder, "no", "file"), "x")).rejects.toThrow();
    await replaceFile(join(folder, "plain"), "x");
    expect(readFileSync(join(folder, "plain"), "utf8")).toBe("x");
  });
});
