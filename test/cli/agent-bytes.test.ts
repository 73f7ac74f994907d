/** `veilmq agent decode|sniff|capture|ports`: transcripts, against pseudo-terminals that play sensors. */
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { listPorts } from "../../agent/device/serial/ports.ts";
import { openPty, type Pty } from "../../demo/pty/pty.ts";
import { testFolder } from "../support/folder.ts";
import { veilmqHere } from "./in-process.ts";
import { veilmq } from "./veilmq.ts";

async function plugIn(): Promise<Pty> {
  const pty = await openPty({ link: join(await testFolder(), "tty") });
  onTestFinished(() => pty.close());
  return pty;
}

/** Sends `bytes` now and then until the test is over. */
function repeat(pty: Pty, bytes: Buffer): void {
  const timer = setInterval(() => void pty.write(bytes).catch(() => undefined), 200);
  onTestFinished(() => clearInterval(timer));
}

const device = (name: string, file: string) => resolve("devices", name, file);

describe("agent decode", () => {
  test("gives a shipped capture's readings, and tells what it discarded and where", async () => {
    const file = device("nova-sds011", "capture.bin");
    const { code, stdout, stderr } = await veilmq([
      "agent",
      "decode",
      "--profile",
      "nova-sds011",
      file,
    ]);
    expect(code).toBe(0);
    expect(stdout).toBe(await readFile(device("nova-sds011", "readings.ndjson"), "utf8"));
    expect(stderr.split("\n").slice(0, 2)).toEqual([
      "veilmq: discarded 6 byte(s) at offset 0: noise",
      "veilmq: discarded 10 byte(s) at offset 26: noise",
    ]);
    expect(stderr).toMatch(
      /\nveilmq: 7 reading\(s\); discarded \d+ byte\(s\) in \d+ place\(s\)\n$/,
    );
  });

  test("ends with 1 where nothing is recognised, and where there is no such file or profile", async () => {
    const file = join(await testFolder(), "noise.bin");
    await writeFile(file, Buffer.alloc(100, 0x55));
    expect(await veilmqHere(["agent", "decode", "--profile", "nova-sds011", file])).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: discarded 100 byte(s) at offset 0: noise\n" +
        "veilmq: 0 reading(s); discarded 100 byte(s) in 1 place(s)\n" +
        "veilmq: hint: is it the right profile? `veilmq agent sniff` guesses it from the port itself\n",
    });
    const none = await veilmqHere(["agent", "decode", "--profile", "nova-sds011", `${file}.not`]);
    expect(none).toMatchObject({ code: 1, stdout: "" });
    const unknown = await veilmqHere(["agent", "decode", "--profile", "nowhere", file]);
    expect(unknown.stderr).toContain("there is no device profile nowhere");
  });
});

describe("agent sniff", () => {
  test("shows the bytes and guesses the profile", async () => {
    const pty = await plugIn();
    const capture = await readFile(device("plantower-pms5003", "capture.bin"));
    repeat(pty, capture.subarray(23, 87));
    const args = ["agent", "sniff", "--port", pty.path, "--seconds", "1"];
    const { code, stdout, stderr } = await veilmq(args);
    expect(stderr).toContain("listening at 9600 baud");
    expect(stdout).toMatch(/^0{8} {2}([0-9a-f]{2} ){15}[0-9a-f]{2} {2}\|.{16}\|\n/);
    expect(stdout).toMatch(
      /\n9600 baud, fixed, plantower-pms5003: \d+ frame\(s\), \d+ of \d+ bytes\n$/,
    );
    expect(code).toBe(0);
  });

  test("guesses the framing where no profile reads it, also of a device that takes its time", async () => {
    const pty = await plugIn();
    const timer = setTimeout(() => repeat(pty, Buffer.from("Temp: 21.5 C, Hum: 40 %\r\n")), 1500);
    onTestFinished(() => clearTimeout(timer));
    const args = ["agent", "sniff", "--port", pty.path, "--seconds", "0.7"];
    const { code, stdout, stderr } = await veilmq(args);
    expect(stdout).toMatch(/\n\d+ baud, lines: \d+ frame\(s\), \d+ of \d+ bytes\n$/);
    expect(stderr).toContain("no profile reads it");
    expect(code).toBe(0);
  });

  test("prints the framing of an unknown device with a header, for a profile of one's own", async () => {
    const pty = await plugIn();
    const frame = (n: number): number[] => [0xa5, 0x5a, 1, n, 7 * n, (8 * n) & 0xff];
    repeat(pty, Buffer.from(Array.from({ length: 9 }, (_, n) => frame(n)).flat()));
    const args = ["agent", "sniff", "--port", pty.path, "--baud", "9600", "--seconds", "0.7"];
    const { code, stdout } = await veilmq(args);
    const [, yaml = ""] = stdout.split(/\n9600 baud, fixed: \d+ frame\(s\), \d+ of \d+ bytes\n/);
    expect(parse(yaml)).toEqual({
      serial: { baudRate: 9600 },
      framing: {
        ...{ type: "fixed", header: "a5 5a", length: 6 },
        checksum: { type: "sum8", at: 5, to: 5 },
      },
    });
    expect(code).toBe(0);
  });

  test("asks a silent device where it may", async () => {
    const pty = await plugIn();
    const capture = await readFile(device("winsen-mh-z19", "capture.bin"));
    void (async () => {
      for await (const request of pty.received)
        if (request.includes(0x86)) await pty.write(capture.subarray(0, 9));
    })().catch(() => undefined);
    // One rate of many: each would take as long.
    const at = ["--port", pty.path, "--baud", "9600"];
    const args = ["agent", "sniff", ...at, "--seconds", "0.5", "--json"];
    const silent = await veilmq(args);
    expect(silent).toMatchObject({ code: 1, stdout: '{"heard":0}\n' });
    const asked = await veilmq([...args, "--ask"]);
    expect(asked.code).toBe(0);
    expect(JSON.parse(asked.stdout)).toMatchObject({ profile: "winsen-mh-z19", frames: 1 });
  });
});

describe("agent capture", () => {
  test("writes bytes and timing, which decode reads; requests too; and overwrites nothing", async () => {
    const pty = await plugIn();
    const answers = await readFile(device("winsen-mh-z19", "capture.bin"));
    void (async () => {
      for await (const _ of pty.received) await pty.write(answers.subarray(0, 9));
    })().catch(() => undefined);
    const folder = await testFolder();
    const args = ["agent", "capture", "--port", pty.path, "--profile", "winsen-mh-z19"];
    const { code } = await veilmq([...args, "--seconds", "2", "c.bin"], folder);
    expect(code).toBe(0);
    const bytes = await readFile(join(folder, "c.bin"));
    expect(bytes.toString("hex")).toContain("ff0186000000000079ff860190");
    const timing = (await readFile(join(folder, "c.bin.timing"), "utf8")).trim().split("\n");
    expect(JSON.parse(timing[0] ?? "")).toMatchObject({ offset: 0, bytes: 9, direction: "out" });
    const decoded = await veilmqHere(
      ["agent", "decode", "--profile", "winsen-mh-z19", "c.bin"],
      folder,
    );
    expect(decoded.stdout).toContain('{"n":"co2","u":"ppm","v":400}');
    expect(decoded.stderr).toContain("discarded 0 byte(s)");
    const again = await veilmq([...args, "--seconds", "1", "c.bin"], folder);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("not overwritten") });
  });

  test("of a port that is not there leaves no files", async () => {
    const folder = await testFolder();
    const args = ["agent", "capture", "--port", join(folder, "tty"), "c.bin"];
    expect((await veilmqHere(args, folder)).code).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });
});

test.each([
  ["none.bin", "it is not there"],
  [".", "it is a folder"],
])("agent decode %s says that %s", async (file, reason) => {
  const { code, stderr } = await veilmqHere(["agent", "decode", "--profile", "nova-sds011", file]);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(
    new RegExp(`^veilmq: error: cannot read ${file}: ${reason}\nveilmq: hint: a capture is a file`),
  );
});

describe("agent ports", () => {
  test("names ports by id where they have one, and says who holds them", async () => {
    const dev = await testFolder();
    const proc = await testFolder();
    await mkdir(join(dev, "serial/by-id"), { recursive: true });
    for (const name of ["ttyUSB0", "ttyACM3", "ttyS0", "tty1", "null"])
      await writeFile(join(dev, name), "");
    await symlink("../../ttyUSB0", join(dev, "serial/by-id/usb-FTDI-if00-port0"));
    await symlink("../../gone", join(dev, "serial/by-id/usb-gone"));
    await mkdir(join(proc, "4711/fd"), { recursive: true });
    await writeFile(join(proc, "4711/comm"), "minicom\n");
    await symlink(join(dev, "ttyACM3"), join(proc, "4711/fd/5"));
    expect(await listPorts(dev, proc)).toEqual([
      { path: join(dev, "ttyACM3"), device: join(dev, "ttyACM3"), heldBy: "minicom (4711)" },
      { path: join(dev, "serial/by-id/usb-FTDI-if00-port0"), device: join(dev, "ttyUSB0") },
    ]);
    expect(await listPorts("/nowhere", "/nowhere")).toEqual([]);
  });

  test("names the UART on a Raspberry Pi's header, which most have as ttyS0", async () => {
    const dev = await testFolder();
    for (const name of ["ttyS0", "ttyS1", "ttyAMA0"]) await writeFile(join(dev, name), "");
    await symlink("ttyS0", join(dev, "serial0"));
    await symlink("ttyAMA0", join(dev, "serial1"));
    expect(await listPorts(dev, "/nowhere")).toEqual([
      { path: join(dev, "serial1"), device: join(dev, "ttyAMA0") },
      { path: join(dev, "serial0"), device: join(dev, "ttyS0") },
    ]);
  });
});

test.each(["decode", "sniff", "capture", "ports", "profile-schema"])(
  "agent %s --help teaches with an example",
  async (command) => {
    const { code, stdout } = await veilmqHere(["agent", command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}.*veilmq agent ${command}`));
  },
);
