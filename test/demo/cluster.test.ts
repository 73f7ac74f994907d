import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isVeilError } from "../../core/errors.ts";
import { startCluster } from "../../demo/cluster/cluster.ts";

const PARENT = createRequire(import.meta.url).resolve("#workers/test/support/start-and-die");
const GONE_DEADLINE_MS = 30_000;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "veilmq-cluster-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe("a local cluster", () => {
  test("is ready when it has started, survives a kill on the same port, and leaves no process", async () => {
    const progress: string[] = [];
    const startedAt = Date.now();
    const cluster = await startCluster({
      dir: join(dir, "one"),
      brokers: 1,
      onProgress: (line) => progress.push(line),
    });
    const pids = cluster.processes.map((server) => server.pid ?? 0);
    try {
      console.info(`ZooKeeper and one broker: ${Date.now() - startedAt} ms`);
      expect(progress).toHaveLength(2);
      expect(await Promise.all(pids.map(isAlive))).toEqual([true, true]);
      // One port each, on loopback: no admin server, no JMX, which once asked for is open to everybody.
      for (const pid of pids) expect(await listeningOn(pid)).toEqual(["127.0.0.1"]);

      await cluster.kill("zookeeper", "SIGKILL");
      expect(await isAlive(pids[0] ?? 0)).toBe(false);
      await cluster.restart("zookeeper");
      const restarted = cluster.processes[0]?.pid ?? 0;
      expect(restarted).not.toBe(pids[0]);
      pids.push(restarted);
      await expect(cluster.kill("kafka-9", "SIGTERM")).rejects.toSatisfy((error) =>
        isVeilError(error, "NOT_FOUND"),
      );
      // A frozen process takes no SIGTERM; it must end all the same.
      await cluster.kill("kafka-1", "SIGSTOP");
    } finally {
      await cluster.stop();
    }
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false, false]);
  });

  test("ends with its parent, even if that is killed", async () => {
    const output = await new Promise<string>((resolve, reject) => {
      execFile(process.execPath, [PARENT, join(dir, "two")], (error, stdout, stderr) =>
        error?.signal === "SIGKILL" ? resolve(stdout) : reject(error ?? new Error(stderr)),
      );
    });
    const pids: number[] = JSON.parse(output);
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await isGoneSoon(pid)).toBe(true);
  });
});

/** A zombie, which only its new parent can remove, has no command line any more. */
async function isAlive(pid: number): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.length > 0;
}

async function isGoneSoon(pid: number): Promise<boolean> {
  for (const deadline = Date.now() + GONE_DEADLINE_MS; Date.now() < deadline; await sleep(20))
    if (!(await isAlive(pid))) return true;
  return false;
}

/** The addresses on which a process listens; an IPv6 one as `IPv6`. */
async function listeningOn(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "")),
  );
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const found: string[] = [];
  for (const family of ["tcp", "tcp6"]) {
    const table = await readFile(`/proc/${pid}/net/${family}`, "utf8");
    for (const line of table.trim().split("\n").slice(1)) {
      // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode; 0A is LISTEN.
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === "0A" && own.has(inode)) found.push(addressOf(local.split(":")[0] ?? ""));
    }
  }
  return found;
}

/** Four bytes in hex, the last one first. */
function addressOf(hex: string): string {
  return hex.length === 8 ? [...Buffer.from(hex, "hex")].reverse().join(".") : "IPv6";
}
