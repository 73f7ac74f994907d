import { describe, expect, test } from "vitest";
import { ZooKeeper } from "../../../../core/ports/zookeeper/zookeeper.ts";
import { freePorts } from "../../../../demo/cluster/ports.ts";
import { freshName, sharedCluster } from "../../../support/cluster.ts";
import {
  bytes,
  CALL_TIMEOUT_MS,
  openZooKeeper,
  SESSION_TIMEOUT_MS,
  silent,
  sleep,
} from "./support.ts";

const { zookeeper: server } = sharedCluster();
const MAX_PACKET_BYTES = 1_048_575;
const PACKET_OVERHEAD_BYTES = 128;
/** For calls that are to fail by their deadline. */
const BRIEF_MS = 500;

/** A path that no other test uses. */
function freshPath(): string {
  return `/${freshName("zk")}`;
}

function code(value: string): unknown {
  return expect.objectContaining({ code: value });
}

describe("calls", () => {
  test("what was put is read, with a version that counts", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = `${freshPath()}/a/b`;
    await zookeeper.put(path, bytes("one"));
    expect(await zookeeper.get(path)).toEqual({ data: bytes("one"), version: 0 });
    await zookeeper.put(path, bytes("two"));
    expect(await zookeeper.get(path)).toEqual({ data: bytes("two"), version: 1 });
    expect(await zookeeper.set(path, bytes("three"), 1)).toBe(2);
    expect(zookeeper.state).toBe("connected");
    expect(zookeeper.contactAgeMs()).toBeLessThan(CALL_TIMEOUT_MS);
  });

  test("parents are made empty, not with the child's data", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    await zookeeper.create(`${path}/a`, bytes("x"));
    expect(await zookeeper.get(path)).toEqual({ data: Buffer.alloc(0), version: 0 });
    expect(await zookeeper.children(path)).toEqual(["a"]);
  });

  test("a missing node is a value where one may ask, an error where one may not write", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    expect(await zookeeper.get(path)).toBeNull();
    expect(await zookeeper.children(path)).toBeNull();
    expect(await zookeeper.exists(path)).toBe(false);
    await expect(zookeeper.set(path, bytes("x"))).rejects.toThrow(code("NOT_FOUND"));
    await zookeeper.delete(path);
  });

  test("a crossing write is a conflict", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    await zookeeper.create(path, bytes("x"));
    await expect(zookeeper.create(path, bytes("x"))).rejects.toThrow(code("CONFLICT"));
    await expect(zookeeper.set(path, bytes("x"), 7)).rejects.toThrow(code("CONFLICT"));
    await zookeeper.put(`${path}/child`, bytes("x"));
    await expect(zookeeper.delete(path)).rejects.toThrow(code("BAD_ARGUMENT"));
    await zookeeper.delete(`${path}/child`);
    await zookeeper.delete(path);
    expect(await zookeeper.exists(path)).toBe(false);
  });

  test("puts that cross all succeed", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = `${freshPath()}/a/b/c`;
    await Promise.all(Array.from({ length: 20 }, (_, i) => zookeeper.put(path, bytes(`${i}`))));
    expect((await zookeeper.get(path))?.version).toBe(19);
  });

  test.each(["", "relative", "/trailing/", "/a//b", "/a/../b"])(
    "the path %j is refused",
    async (path) => {
      const zookeeper = await openZooKeeper(server);
      await expect(zookeeper.get(path)).rejects.toThrow(code("BAD_ARGUMENT"));
      await expect(zookeeper.put(path, bytes("x"))).rejects.toThrow(code("BAD_ARGUMENT"));
    },
  );

  test("the largest node passes; one byte more is refused before the server cuts the connection", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    const largest = Buffer.alloc(MAX_PACKET_BYTES - PACKET_OVERHEAD_BYTES - path.length, 1);
    await zookeeper.put(path, largest);
    expect((await zookeeper.get(path))?.data.equals(largest)).toBe(true);
    const larger = Buffer.alloc(largest.length + 1);
    await expect(zookeeper.put(path, larger)).rejects.toThrow(code("TOO_LARGE"));
    await expect(zookeeper.create(`${path}x`, larger)).rejects.toThrow(code("TOO_LARGE"));
  });

  test("nodes made with a credential are for its holder alone", async () => {
    const path = freshPath();
    const auth = { scheme: "digest", credential: "bridge:not-a-real-secret" };
    const owner = await openZooKeeper(server, { auth });
    await owner.put(path, bytes("x"));
    const stranger = await openZooKeeper(server);
    await expect(stranger.get(path)).rejects.toThrow(code("AUTH"));
    await expect(stranger.put(path, bytes("y"))).rejects.toThrow(code("AUTH"));
    const again = await openZooKeeper(server, { auth });
    expect((await again.get(path))?.data).toEqual(bytes("x"));
    await again.delete(path);
  });

  test("too many waiting calls are refused", async () => {
    const [port] = await freePorts(1);
    const zookeeper = await openZooKeeper(`127.0.0.1:${port}`, { callTimeoutMs: BRIEF_MS });
    const calls = await Promise.allSettled(
      Array.from({ length: 5_000 }, () => zookeeper.exists("/")),
    );
    const codes = calls.map((call) => call.status === "rejected" && call.reason.code);
    expect(codes.filter((c) => c === "LIMIT")).toHaveLength(5_000 - 4_096);
    expect(codes.filter((c) => c === "UNAVAILABLE")).toHaveLength(4_096);
  });
});

describe("life", () => {
  test("an IPv6 literal is refused at the start", async () => {
    const zookeeper = new ZooKeeper({
      servers: ["[::1]:2181"],
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      callTimeoutMs: CALL_TIMEOUT_MS,
      log: silent,
    });
    await expect(zookeeper.start()).rejects.toThrow(code("CONFIG"));
  });

  test("without a server calls reject by their deadline, and stop() does not wait", async () => {
    const [port] = await freePorts(1);
    const hasty = await openZooKeeper(`127.0.0.1:${port}`, { callTimeoutMs: BRIEF_MS });
    const startMs = performance.now();
    await expect(hasty.get("/")).rejects.toThrow(code("UNAVAILABLE"));
    expect(performance.now() - startMs).toBeLessThan(CALL_TIMEOUT_MS);
    expect(hasty.state).toBe("disconnected");
    expect(hasty.contactAgeMs()).toBe(Number.POSITIVE_INFINITY);
    const patient = await openZooKeeper(`127.0.0.1:${port}`);
    const waiting = expect(patient.get("/")).rejects.toThrow(code("STOPPED"));
    await patient.stop();
    await waiting;
  });

  test("stop() before start(), at once after it, and while connected", async () => {
    const options = {
      servers: [server],
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      callTimeoutMs: CALL_TIMEOUT_MS,
      log: silent,
    };
    await new ZooKeeper(options).stop();
    const hasty = new ZooKeeper(options);
    await hasty.start();
    await hasty.stop();
    const patient = new ZooKeeper(options);
    await patient.start();
    await patient.get("/");
    await patient.stop();
    await expect(patient.get("/")).rejects.toThrow(code("STOPPED"));
    expect(patient.state).toBe("disconnected");
  });

  test("stop() at any moment of connecting ends everything at once", async () => {
    for (let afterMs = 0; afterMs < 20; afterMs++) {
      const zookeeper = await openZooKeeper(server);
      await sleep(afterMs);
      const stopMs = performance.now();
      await zookeeper.stop();
      expect(performance.now() - stopMs).toBeLessThan(SESSION_TIMEOUT_MS / 3);
    }
  });

  test("a server that is away is passed over", async () => {
    const [port] = await freePorts(1);
    const zookeeper = await openZooKeeper(server, {
      servers: [`127.0.0.1:${port}`, server],
    });
    expect(await zookeeper.exists("/")).toBe(true);
  });
});
