/** A Debian with a real systemd, for tests of what is installed: machine.sh says what it is made of. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { vi } from "vitest";

const SCRIPT = resolve("test/support/debian/machine.sh");
const HIERARCHIES = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
/** It may have to wait until another test has installed what it needs. */
const BOOT = { timeout: 300_000, interval: 100 };

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class DebianMachine {
  readonly #folder: string;
  readonly #cgroup: string;
  readonly #outside: ChildProcess;
  #init = 0;

  private constructor(parts: { folder: string; cgroup: string; outside: ChildProcess }) {
    this.#folder = parts.folder;
    this.#cgroup = parts.cgroup;
    this.#outside = parts.outside;
  }

  /** Resolves when its systemd answers. Throws where this machine does not let one be made. */
  static async boot(): Promise<DebianMachine> {
    if (process.getuid?.() !== 0)
      throw new Error("this test makes a Debian in namespaces of its own: run it as root");
    const folder = await mkdtemp(join(tmpdir(), "veilmq-debian-"));
    const cgroup = join(await cgroup2(), `veilmq-test-${process.pid}-${Date.now()}`);
    const outside = spawn(SCRIPT, [folder, cgroup], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    outside.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const machine = new DebianMachine({ folder, cgroup, outside });
    try {
      await vi.waitFor(async () => {
        if (outside.exitCode !== null) throw new Error(`no Debian could be made: ${said}`);
        machine.#init = await childOf(outside.pid ?? 0);
        await machine.run(["systemctl", "is-active", "--quiet", "bare.target"]);
      }, BOOT);
    } catch (error) {
      await machine.stop();
      throw new Error(`no Debian could be made: ${said}`, { cause: error });
    }
    return machine;
  }

  /** A process in it. */
  spawn(command: readonly string[]): ChildProcess {
    const enter = ["--target", String(this.#init), "--mount", "--pid", "--cgroup", "--root"];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    return spawn("nsenter", [...enter, "--wdns=/", ...command], { env });
  }

  /** Runs a command to its end, with `input` if there is any. */
  async ask(command: readonly string[], input?: Readable): Promise<Answer> {
    const child = this.spawn(command);
    const { stdin, stdout, stderr } = child;
    if (!stdin || !stdout || !stderr) throw new Error("a process without pipes");
    stdin.on("error", () => undefined);
    if (input) input.pipe(stdin);
    else stdin.end();
    const [out, err] = await Promise.all([text(stdout), text(stderr), once(child, "close")]);
    return { code: child.exitCode, stdout: out, stderr: err };
  }

  /** As `ask`; its stdout. Throws with all that it said unless it ends with 0. */
  async run(command: readonly string[], input?: Readable): Promise<string> {
    const { code, stdout, stderr } = await this.ask(command, input);
    if (code !== 0) throw new Error(`${command.join(" ")} (${code}): ${stderr}${stdout}`);
    return stdout;
  }

  /** Puts a file there, with its folders. */
  async put(path: string, content: Readable, mode: string): Promise<void> {
    // Not `install /dev/stdin`: what Node gives a child as its stdin cannot be opened by name.
    const script = 'mkdir -p "$(dirname "$1")" && umask 077 && cat > "$1" && chmod "$2" "$1"';
    await this.run(["sh", "-c", script, "put", path, mode], content);
  }

  async stop(): Promise<void> {
    // The first process of a namespace takes all others with it.
    if (this.#outside.exitCode === null && this.#outside.signalCode === null) {
      const ended = once(this.#outside, "exit");
      this.#outside.kill("SIGKILL");
      await ended;
    }
    // Its processes take a moment to be gone, and until then their groups are not empty.
    await vi.waitFor(() => removeGroups(this.#cgroup), { timeout: 60_000, interval: 50 });
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A group and those that systemd made in it, from the innermost on: a cgroup has no files that could be removed. */
async function removeGroups(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroups(join(path, entry.name));
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}

/** Where cgroups of version 2 are, beside those of version 1 or alone. */
async function cgroup2(): Promise<string> {
  for (const path of HIERARCHIES)
    if (
      await access(join(path, "cgroup.controllers")).then(
        () => true,
        () => false,
      )
    )
      return path;
  throw new Error("cgroups of version 2 are not mounted: see mount -t cgroup2");
}

/** The process that `unshare` forked: process 1 of the namespace. */
async function childOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const [first] = children.trim().split(" ");
  if (!first) throw new Error("not there yet");
  return Number(first);
}
