/** Each of these stood still, or died, with node-zookeeper-client alone. The ZooKeeper here is this file's own. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { FolderWatch } from "../../../../core/ports/zookeeper/folder-watch.ts";
import { NEVER } from "../../../../core/runtime/backoff.ts";
import { resolveClasspath } from "../../../../demo/cluster/classpath.ts";
import { freePorts } from "../../../../demo/cluster/ports.ts";
import type { ServerProcess } from "../../../../demo/cluster/server-process.ts";
import { zooKeeperProcess } from "../../../../demo/cluster/zookeeper.ts";
import { freshName, sharedCluster } from "../../../support/cluster.ts";
import { until } from "../../../support/until.ts";
import { FaultyProxy } from "./proxy.ts";
import { bytes, openZooKeeper, sleep } from "./support.ts";

/** For the tests that wait for a silence to be noticed, or for a session to run out. */
const SHORT_SESSION_MS = 2_400;
/** For calls that are to fail by their deadline. */
const BRIEF_MS = 1_000;
/** What a busy machine may add to a deadline. */
const SLACK_MS = 3_000;
const SYNC_MS = 30_000;

let folder: string;
let server: ServerProcess;
let address: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-zookeeper-"));
  const [port = 0] = await freePorts(1);
  address = `127.0.0.1:${port}`;
  server = zooKeeperProcess({ folder, port, classpath: await resolveClasspath() });
  await server.spawn();
  await server.awaitReady(NEVER);
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function openProxy(target = address): Promise<{ proxy: FaultyProxy; through: string }> {
  const proxy = new FaultyProxy(target);
  const through = await proxy.start();
  onTestFinished(() => proxy.stop());
  return { proxy, through };
}

/** What the kernel says of each thread of the process: `T` is stopped. */
async function threadStates({ pid }: ServerProcess): Promise<Set<string>> {
  const tasks = `/proc/${pid}/task`;
  const stats = (await readdir(tasks)).map((id) => readFile(`${tasks}/${id}/stat`, "utf8"));
  return new Set(
    (await Promise.all(stats)).map((stat) => stat.slice(stat.lastIndexOf(")") + 2)[0] ?? ""),
  );
}

function freshPath(): string {
  return `/${freshName("fault")}`;
}

test("a frozen server is noticed within the session timeout, and calls reject by their deadline", async () => {
  const sessionTimeoutMs = 3 * SLACK_MS;
  const zookeeper = await openZooKeeper(address, { sessionTimeoutMs, callTimeoutMs: BRIEF_MS });
  const writer = await openZooKeeper(address);
  const path = freshPath();
  await writer.put(path, bytes("before"));
  const seen: string[] = [];
  zookeeper.watchNode(path, (node) => node && seen.push(node.data.toString()));
  await until(() => seen.length === 1);

  const frozenMs = performance.now();
  await server.kill("SIGSTOP");
  try {
    // A signal takes a moment to stop all threads of a busy machine's JVM.
    await expect.poll(() => threadStates(server)).toEqual(new Set(["T"]));
    const startMs = performance.now();
    await expect(zookeeper.get(path)).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(TIMEOUT|UNAVAILABLE)$/) }),
    );
    expect(performance.now() - startMs).toBeLessThan(BRIEF_MS + SLACK_MS);
    await until(() => zookeeper.state === "disconnected");
    expect(performance.now() - frozenMs).toBeLessThan(sessionTimeoutMs);
    expect(zookeeper.contactAgeMs()).toBeGreaterThan(BRIEF_MS);
    // Its kernel still accepts connections.
    await sleep(SLACK_MS);
    expect(zookeeper.state).toBe("disconnected");
  } finally {
    await server.kill("SIGCONT");
  }

  await until(() => zookeeper.state === "connected");
  await writer.put(path, bytes("after"));
  await until(() => seen.at(-1) === "after");
  expect(seen).toEqual(["before", "after"]);
});

test("a server that accepts the connection and says nothing is given up", async () => {
  const { proxy, through } = await openProxy();
  proxy.swallow();
  const zookeeper = await openZooKeeper(through, { sessionTimeoutMs: SHORT_SESSION_MS });
  await until(() => proxy.swallowed > 0);
  proxy.pass();
  await until(() => zookeeper.state === "connected");
  expect(proxy.taken).toBeGreaterThan(1);
});

test("a reply cut in the middle does not reach into the next connection", async () => {
  const { proxy, through } = await openProxy();
  const zookeeper = await openZooKeeper(through);
  const path = freshPath();
  await zookeeper.put(path, Buffer.alloc(1_000, 7));
  for (let round = 0; round < 3; round++) {
    proxy.cutNextReply();
    expect((await zookeeper.get(path))?.data).toEqual(Buffer.alloc(1_000, 7));
  }
  expect(proxy.taken).toBe(4);
});

test("a write whose reply is cut is not repeated behind the caller's back", async () => {
  const { proxy, through } = await openProxy();
  const zookeeper = await openZooKeeper(through);
  const path = freshPath();
  await zookeeper.put(path, bytes("x"));
  proxy.cutNextReply();
  await expect(zookeeper.set(path, bytes("y"), 0)).rejects.toThrow(
    expect.objectContaining({ code: "UNAVAILABLE" }),
  );
  expect((await zookeeper.get(path))?.version).toBeLessThanOrEqual(1);
});

test("a frame that the library cannot read costs the connection, not the process", async () => {
  const { proxy, through } = await openProxy();
  const zookeeper = await openZooKeeper(through);
  expect(await zookeeper.exists("/")).toBe(true);
  // length ‖ xid -1 (a notice) ‖ zxid ‖ err ‖ an event type that does not exist ‖ state ‖ path "/"
  const frame = Buffer.alloc(33);
  frame.writeInt32BE(29, 0);
  frame.writeInt32BE(-1, 4);
  frame.writeInt32BE(99, 20);
  frame.writeInt32BE(1, 28);
  frame.write("/", 32);
  proxy.inject(frame);
  await until(() => zookeeper.state === "disconnected");
  expect(await zookeeper.exists("/")).toBe(true);
  expect(proxy.taken).toBe(2);
});

test("an error code that the library does not know rejects its call at once", async () => {
  const { proxy, through } = await openProxy();
  const zookeeper = await openZooKeeper(through);
  expect(await zookeeper.exists("/")).toBe(true);
  proxy.swallow();
  const call = expect(zookeeper.set("/", bytes("x"))).rejects.toThrow(
    expect.objectContaining({ code: "UNAVAILABLE" }),
  );
  await until(() => proxy.swallowed > 0);
  // length ‖ xid 1 (the second request) ‖ zxid ‖ err -125 (QuotaExceeded)
  const frame = Buffer.alloc(20);
  frame.writeInt32BE(16, 0);
  frame.writeInt32BE(1, 4);
  frame.writeInt32BE(-125, 16);
  proxy.inject(frame);
  await call;
});

test("after an expired session watches fire again, and the last snapshot was kept meanwhile", async () => {
  const { proxy, through } = await openProxy();
  const zookeeper = await openZooKeeper(through, { sessionTimeoutMs: SHORT_SESSION_MS });
  const other = await openZooKeeper(address);
  const path = freshPath();
  for (const name of ["kept", "changed", "deleted"]) await other.put(`${path}/${name}`, bytes("1"));
  const told: string[] = [];
  const watched = new FolderWatch({
    zookeeper,
    path,
    onNode: (name, { data }) => told.push(`${name}=${data}`),
    onGone: (name) => told.push(`${name} gone`),
  });
  watched.start();
  await watched.whenSynced(SYNC_MS);
  expect(told.sort()).toEqual(["changed=1", "deleted=1", "kept=1"]);
  told.length = 0;

  proxy.swallow();
  await other.put(`${path}/changed`, bytes("2"));
  await other.delete(`${path}/deleted`);
  await other.put(`${path}/new`, bytes("1"));
  await until(() => zookeeper.state === "disconnected");
  await sleep(2 * SHORT_SESSION_MS);
  expect(told).toEqual([]);
  expect(watched.synced).toBe(true);
  expect(watched.ageMs()).toBeGreaterThan(2 * SHORT_SESSION_MS);

  proxy.pass();
  proxy.drop();
  await until(() => told.length === 3);
  expect(told.sort()).toEqual(["changed=2", "deleted gone", "new=1"]);
  await until(() => watched.ageMs() < SHORT_SESSION_MS);
  await other.put(`${path}/kept`, bytes("3"));
  await until(() => told.at(-1) === "kept=3");
  expect(told).toHaveLength(4);
});

test("a killed server that comes back is used again, and nothing unchanged is told twice", async () => {
  const zookeeper = await openZooKeeper(address);
  const path = freshPath();
  await zookeeper.put(`${path}/a`, bytes("1"));
  const told: string[] = [];
  const watched = new FolderWatch({
    zookeeper,
    path,
    onNode: (name, { data }) => told.push(`${name}=${data}`),
    onGone: (name) => told.push(`${name} gone`),
  });
  watched.start();
  zookeeper.watchNode(`${path}/missing`, (node) => told.push(`missing=${node?.data}`));
  await watched.whenSynced(SYNC_MS);
  await until(() => told.length === 2);

  await server.kill("SIGKILL");
  const hasty = await openZooKeeper(address, { callTimeoutMs: BRIEF_MS });
  await expect(hasty.get(path)).rejects.toThrow(expect.objectContaining({ code: "UNAVAILABLE" }));
  const waiting = openZooKeeper(address, { callTimeoutMs: SYNC_MS }).then((z) =>
    z.get(`${path}/a`),
  );
  await server.spawn();
  expect((await waiting)?.data).toEqual(bytes("1"));
  await until(() => zookeeper.state === "connected");
  await zookeeper.put(`${path}/b`, bytes("1"));
  await until(() => told.length > 2);
  expect(told.sort()).toEqual(["a=1", "b=1", "missing=undefined"]);
});

test("a server behind what was seen is refused within the session timeout", async () => {
  // More transactions at the shared server than this file's own has seen.
  const { proxy, through } = await openProxy(sharedCluster().zookeeper);
  const zookeeper = await openZooKeeper(through, { sessionTimeoutMs: 5_000 });
  const path = freshPath();
  for (let i = 0; i < 500; i++) await zookeeper.put(path, bytes(`${i}`));
  const taken = proxy.taken;
  proxy.redirect(address);
  await until(() => proxy.taken > taken + 2);
  expect(zookeeper.state).toBe("disconnected");
  await until(() => zookeeper.state === "connected");
});
