/**
 * The Debian package: what is in it for each machine, and its life on a Debian with a real systemd: installed, run,
 * upgraded, hung, removed.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { agentStatusSchema } from "../../agent/device/status.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { parseJson } from "../../core/wire/fields.ts";
import {
  ARCHITECTURES,
  type Architecture,
  hostArchitecture,
  nativeFile,
  PREBUILDS,
} from "../../packaging/architecture.ts";
import { buildDeb, type DebOptions } from "../../packaging/deb.ts";
import { DebianMachine } from "../support/debian/machine.ts";
import { FieldBridge } from "../support/field-bridge.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { describeElf } from "./elf.ts";

const TOPIC = "greenhouse/north/climate";
const OWN_TOPIC = "greenhouse/north/agent";
const WAIT = { timeout: 40_000, interval: 100 };
const EPOCH_S = 1_763_800_000;
const UNIT = "veilmq-agent";
const TTY = "/run/sensor";
/** Where a USB adapter would be; here it is an empty file. */
const ADAPTER = "/dev/ttyUSB0";
const CONFIG = "/etc/veilmq/agent.yaml";
const HOST = hostArchitecture();

/**
 * A sensor on a pseudo-terminal: each line on stdin goes to it. A killed agent leaves the terminal to itself alone
 * (TIOCEXCL): a serial port forgets that with its last close, and here it is taken back.
 */
const SENSOR = `
import fcntl, os, sys, termios, tty
terminal, port = os.openpty()
tty.setraw(port)
os.chmod(os.ttyname(port), 0o666)
os.symlink(os.ttyname(port), "${TTY}")
print("plugged", flush=True)
for line in sys.stdin.buffer:
    if line == b"free\\n": fcntl.ioctl(port, termios.TIOCNXCL)
    else: os.write(terminal, line)
`;

const run = promisify(execFile);

let folder: string;
let machine: DebianMachine;
const debs: string[] = [];
const others = new Map<Architecture, string>();

async function build(into: string, options: Partial<DebOptions> = {}): Promise<string> {
  const to = { version: "0.1.0", folder: join(folder, into), epochS: EPOCH_S };
  return buildDeb({ architecture: HOST, ...to, ...options });
}

/** What is in a package, by path, DEBIAN/ too. */
async function unpack(path: string): Promise<Map<string, Buffer>> {
  const root = await mkdtemp(join(folder, "unpacked-"));
  await run("dpkg-deb", ["--raw-extract", path, root]);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(
      paths.map(async (file) => [relative(root, file), await readFile(file)] as const),
    ),
  );
}

/** The same package under another number: what a later version would bring is not the matter here. */
async function renumbered(path: string, version: string): Promise<string> {
  const [root, to] = [join(folder, "raw"), join(folder, `${version}.deb`)];
  await run("dpkg-deb", ["--raw-extract", path, root]);
  const control = join(root, "DEBIAN/control");
  const text = await readFile(control, "utf8");
  await writeFile(control, text.replace(/^Version: .*$/m, `Version: ${version}`));
  await run("dpkg-deb", ["--root-owner-group", "-Znone", "--build", root, to]);
  return to;
}

async function boot(): Promise<void> {
  machine = await DebianMachine.boot();
}

/** Only looked into, so they are not compressed: a third of the time. */
async function buildOthers(): Promise<void> {
  for (const architecture of ARCHITECTURES.filter((name) => name !== HOST))
    others.set(architecture, await build("others", { architecture, compression: "none" }));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-debs-"));
  const first = await build("one");
  debs.push(first, await renumbered(first, "0.2.0"));
  await Promise.all([boot(), buildOthers()]);
  for (const [index, path] of debs.entries())
    await machine.put(`/root/${index}.deb`, createReadStream(path), "600");
}, 400_000);

afterAll(async () => {
  await machine?.stop();
  await rm(folder, { recursive: true, force: true });
});

const NATIVE = Object.keys(PREBUILDS).map((name) => `usr/lib/veilmq/${nativeFile(name)}`);
/** What may differ between machines: the native files, and what says so. */
const OF_MACHINE = [...NATIVE, "DEBIAN/control", "DEBIAN/md5sums"];
const ELF_OF: Record<Architecture, object> = {
  amd64: { bits: 64, machine: 62 },
  arm64: { bits: 64, machine: 183 },
  armhf: { bits: 32, machine: 40, hardFloat: true },
};

/** Order, modes, owners and times of what a package puts on a disk; the time is that of the sources. */
async function listing(path: string): Promise<string[]> {
  const env = { ...process.env, TZ: "UTC" };
  const { stdout } = await run("dpkg-deb", ["--contents", path], { env });
  const lines = stdout.trimEnd().split("\n");
  const [day = ""] = new Date(EPOCH_S * 1000).toISOString().split("T");
  expect(lines.filter((line) => !line.includes(` ${day} `))).toEqual([]);
  return lines.filter((line) => !line.endsWith(".node"));
}

test.each(ARCHITECTURES)(
  "the package for %s has that machine's native files, and all else of this one's",
  async (architecture) => {
    const host = await unpack(debs[0] ?? "");
    const path = others.get(architecture) ?? debs[0] ?? "";
    const files = await unpack(path);
    const control = files.get("DEBIAN/control")?.toString();
    expect(control).toMatch(new RegExp(`^Architecture: ${architecture}$`, "m"));
    expect(control).toMatch(/^Depends: nodejs \(>= 20\.19\),/m);
    expect([...files.keys()].filter((path) => path.endsWith(".node")).sort()).toEqual(
      NATIVE.sort(),
    );
    for (const file of NATIVE)
      expect({ file, ...describeElf(files.get(file) ?? Buffer.alloc(0)) }).toMatchObject({
        ...{ file, libc: "glibc" },
        ...ELF_OF[architecture],
      });
    // So the same sources give the same bytes, too: these were built at another time and place.
    const rest = (from: ReadonlyMap<string, Buffer>): string[] =>
      [...from]
        .filter(([path]) => !OF_MACHINE.includes(path))
        .map(([path, bytes]) => `${path} ${createHash("sha256").update(bytes).digest("hex")}`)
        .sort();
    expect(rest(files)).toEqual(rest(host));
    expect(await listing(path)).toEqual(await listing(debs[0] ?? ""));
  },
);

describe("installed on a device", () => {
  const tenant = fieldTenant();
  const device = tenant.enrol("probe-1", { topics: [TOPIC, OWN_TOPIC], urls: [] });
  const bridge = new FieldBridge({ tenant, device });
  let next = 0;
  let plug: (line: string) => void = () => undefined;

  /** Sends readings, numbered on, and returns when they are on disk: then, and not before, they are taken. */
  async function read(count: number): Promise<void> {
    // A record's number counts from the agent's start on, as the frames do.
    const last = ((await status()).ports[0]?.frames ?? 0) + count - 1;
    for (let i = 0; i < count; i++) plug(`{"n":${next++}}\n`);
    await vi.waitFor(
      async () => expect((await status()).ports[0]?.newest?.split(":")[1]).toBe(String(last)),
      WAIT,
    );
  }

  async function status() {
    const args = ["veilmq", "agent", "status", "--config", CONFIG, "--json"];
    return parseJson(await machine.run(args), agentStatusSchema);
  }

  /** The numbers that a consumer would have read, in order. */
  function arrived(): number[] {
    return bridge.read(TOPIC).map((plaintext) => {
      const pack: { n?: string; v?: number }[] = JSON.parse(plaintext);
      return pack.find(({ n }) => n === "n")?.v ?? -1;
    });
  }

  async function show(property: string): Promise<string> {
    const args = ["systemctl", "show", UNIT, `--property=${property}`, "--value"];
    return (await machine.run(args)).trim();
  }

  const put = (path: string, content: string, mode: string): Promise<void> =>
    machine.put(path, Readable.from([content]), mode);

  beforeAll(async () => {
    await bridge.start(0);
    const sensor = machine.spawn(["/usr/bin/python3", "-c", SENSOR]);
    const { stdin, stdout } = sensor;
    if (!stdin || !stdout) throw new Error("a process without pipes");
    await new Promise((resolve) => createInterface({ input: stdout }).once("line", resolve));
    plug = (line) => void stdin.write(line);
  });

  afterAll(async () => bridge.stop());

  test("nothing starts by itself; the command is there, and users and folders are", async () => {
    await machine.run(["dpkg", "--install", "/root/0.deb"]);
    expect(await machine.run(["veilmq", "--version"])).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await machine.run(["id", "--user", "veilmq"])).trim()).toMatch(/^\d+$/);
    await machine.run(["test", "-d", "/etc/veilmq/agents"]);
    expect((await machine.ask(["systemctl", "is-active", UNIT])).stdout.trim()).toBe("inactive");
    // A configuration is missing: that is no failure.
    await machine.run(["systemctl", "start", UNIT]);
    expect(await show("ConditionResult")).toBe("no");
  });

  test("runs against a bridge, as nobody in particular", async () => {
    await put("/etc/veilmq/agent.cred", encodeCredential(device.credential), "600");
    const settings = {
      stateDir: "/var/lib/veilmq/agent",
      ports: [{ path: TTY, profile: "json-lines", topic: TOPIC }],
      bridge: { urls: [`mqtt://127.0.0.1:${bridge.port}`] },
      status: { topic: OWN_TOPIC, intervalS: 1 },
    };
    await put(CONFIG, stringify(settings), "644");
    await put(ADAPTER, "", "600");
    await machine.run(["systemctl", "start", UNIT]);
    expect(await show("ActiveState")).toBe("active");
    const pid = await show("MainPID");
    const owner = await machine.run(["stat", "--format=%U", `/proc/${pid}`]);
    expect(owner.trim()).not.toBe("root");
    const command = await machine.run(["cat", `/proc/${pid}/cmdline`]);
    expect(command.split("\0")).toEqual(
      expect.arrayContaining(["--max-semi-space-size=1", "--max-old-space-size=48"]),
    );
    // What an agent on a pseudo-terminal would not miss: the real ports, and by what readings tell one boot from another.
    for (const path of [ADAPTER, "/proc/sys/kernel/random/boot_id"])
      await machine.run(["test", "-e", `/proc/${pid}/root${path}`]);
    await machine.run(["veilmq", "agent", "check", "--config", CONFIG]);
    await read(5);
    await vi.waitFor(() => expect(arrived()).toEqual([0, 1, 2, 3, 4]), WAIT);
  });

  test("tells its owner how it is", async () => {
    await vi.waitFor(() => expect(bridge.read(OWN_TOPIC).length).toBeGreaterThan(1), WAIT);
    const pack: { n: string; u?: string; v?: number }[] = JSON.parse(
      bridge.read(OWN_TOPIC).at(-1) ?? "",
    );
    const units = Object.fromEntries(pack.map(({ n, u }) => [n, u]));
    expect(units).toMatchObject({
      taken: "count",
      dropped: "count",
      uptime: "s",
      "disk-free": "B",
    });
  });

  /** As whoever carries it to where there is a network would, and brings it back. */
  async function moveOutbox(): Promise<void> {
    const move = (how: string): Promise<string> =>
      machine.run(["veilmq", "agent", "outbox", how, "--config", CONFIG, "/root/outbox"]);
    await machine.run(["systemctl", "stop", UNIT]);
    await move("export");
    await machine.run(["rm", "--recursive", "/var/lib/private/veilmq/agent/outbox"]);
    await move("import");
    await machine.run(["systemctl", "start", UNIT]);
  }

  test("the outbox moved by hand, and an upgrade, keep what waits and what was configured", async () => {
    await bridge.stop();
    await read(5);
    await moveOutbox();
    const defaults = 'NODE_FLAGS="--max-semi-space-size=1 --max-old-space-size=40"\n';
    await put("/etc/default/veilmq-agent", defaults, "644");
    const before = await show("MainPID");
    await machine.run(["dpkg", "--install", "/root/1.deb"]);
    expect(await show("ActiveState")).toBe("active");
    expect(await show("MainPID")).not.toBe(before);
    expect(await machine.run(["cat", "/etc/default/veilmq-agent"])).toBe(defaults);
    expect(await machine.run(["dpkg", "--status", "veilmq"])).toMatch(/^Version: 0\.2\.0$/m);
    await vi.waitFor(async () => expect((await status()).ports[0]?.state).toBe("open"), WAIT);
    await read(5);
    await bridge.start();
    await vi.waitFor(
      () => expect(arrived()).toEqual(Array.from({ length: 15 }, (_, i) => i)),
      WAIT,
    );
    expect(bridge.violations).toEqual([]);
  });

  test("a process that hangs is killed by the watchdog, and another one goes on", async () => {
    expect(await show("WatchdogUSec")).toBe("1min 30s");
    const override = "[Service]\nWatchdogSec=6\nTimeoutAbortSec=1\nRestartSec=0\n";
    await put(`/etc/systemd/system/${UNIT}.service.d/soon.conf`, override, "644");
    await machine.run(["systemctl", "daemon-reload"]);
    await machine.run(["systemctl", "restart", UNIT]);
    await vi.waitFor(async () => expect((await status()).ports[0]?.state).toBe("open"), WAIT);
    await read(5);
    await machine.run(["kill", "-STOP", await show("MainPID")]);
    await vi.waitFor(async () => {
      plug("free\n");
      expect(Number(await show("NRestarts"))).toBeGreaterThan(0);
      expect((await status()).ports[0]?.state).toBe("open");
    }, WAIT);
    await read(5);
    await vi.waitFor(
      () => expect(arrived()).toEqual(Array.from({ length: 25 }, (_, i) => i)),
      WAIT,
    );
  });

  test("removing keeps what the owner put in; purging leaves nothing", async () => {
    await machine.run(["dpkg", "--remove", "veilmq"]);
    expect((await machine.ask(["systemctl", "is-active", UNIT])).stdout.trim()).not.toBe("active");
    await machine.run(["test", "-e", "/etc/veilmq/agent.cred"]);
    await machine.run(["test", "-d", "/var/lib/private/veilmq/agent/outbox"]);
    await machine.run(["dpkg", "--purge", "veilmq"]);
    const places = ["/etc", "/usr/bin", "/usr/lib", "/usr/share", "/var/lib"];
    const left = await machine.run(["find", ...places, "-xdev", "-name", "*veilmq*"]);
    const ours = left.split("\n").filter((path) => !path.includes(".service.d"));
    expect(ours).toEqual([""]);
  });
});
