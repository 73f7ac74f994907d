/** The units as systemd itself reads them, without one that runs. */
import { execFile } from "node:child_process";
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { testFolder } from "../support/folder.ts";

const run = promisify(execFile);
/** Ten times systemd's figure: 2.0 is "OK". */
const MOST_EXPOSED = 20;

/** The units in a folder of their own, those for an instance under an instance's name too. */
async function units(): Promise<{ folder: string; names: string[] }> {
  const folder = await testFolder();
  const files = (await readdir("systemd")).filter((name) => name.endsWith(".service"));
  for (const name of files) await copyFile(join("systemd", name), join(folder, name));
  const names = files.map((name) => name.replace("@.", "@usb-Sensor_1-if00."));
  return { folder, names };
}

/** systemd's verdict. It is part of Debian's package `systemd`, and needs none to run. */
async function analyze(
  args: readonly string[],
  cwd: string,
): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await run("systemd-analyze", args, { cwd });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw new Error("systemd-analyze is missing: apt-get install systemd", { cause: error });
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    return { code: 1, text: stdout + stderr };
  }
}

test("systemd has nothing to say against them", async () => {
  const { folder, names } = await units();
  expect(names).toHaveLength(4);
  const paths = names.map((name) => `./${name}`);
  expect(await analyze(["verify", "--recursive-errors=no", ...paths], folder)).toEqual({
    code: 0,
    text: "",
  });
});

test("what they may do is little", async () => {
  const { folder, names } = await units();
  for (const name of names) {
    const threshold = ["security", "--offline=true", `--threshold=${MOST_EXPOSED}`];
    const { code, text } = await analyze([...threshold, `./${name}`], folder);
    expect({ name, code, last: text.trim().split("\n").at(-1) }).toMatchObject({ name, code: 0 });
  }
});

test("none kills V8, and an agent of one port may do what that of all may", async () => {
  const { folder } = await units();
  const texts = new Map<string, string>();
  for (const name of await readdir(folder))
    texts.set(name, await readFile(join(folder, name), "utf8"));
  expect([...texts].filter(([, text]) => /^MemoryDenyWriteExecute=/m.test(text))).toEqual([]);
  // deb.test.ts sees one of the two at work.
  const [one, all] = ["veilmq-agent@.service", "veilmq-agent.service"].map((name) =>
    texts.get(name)?.split(/^(?=DevicePolicy=)/m),
  );
  expect(one).toHaveLength(2);
  expect(one?.[1]).toBe(all?.[1]);
});
