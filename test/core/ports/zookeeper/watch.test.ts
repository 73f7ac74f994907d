import { pino } from "pino";
import { describe, expect, test } from "vitest";
import type { ZNode } from "../../../../core/ports/zookeeper/connection.ts";
import { FolderWatch } from "../../../../core/ports/zookeeper/folder-watch.ts";
import { WatchGroup } from "../../../../core/ports/zookeeper/watch-group.ts";
import { freePorts } from "../../../../demo/cluster/ports.ts";
import { freshName, sharedCluster } from "../../../support/cluster.ts";
import { until } from "../../../support/until.ts";
import { bytes, CALL_TIMEOUT_MS, openZooKeeper, sleep } from "./support.ts";

const { zookeeper: server } = sharedCluster();
const SOON_MS = 15_000;
/** Long enough for a notice that should not come. */
const QUIET_MS = 300;

function freshPath(): string {
  return `/${freshName("watch")}`;
}

describe("a watched node", () => {
  test("its present content, each change, deletion and return", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = `${freshPath()}/node`;
    const seen: (string | null)[] = [];
    const stop = zookeeper.watchNode(path, (node) => seen.push(node?.data.toString() ?? null));
    await until(() => seen.length === 1);
    for (const value of ["a", "b"]) {
      await zookeeper.put(path, bytes(value));
      await until(() => seen.at(-1) === value);
    }
    await zookeeper.delete(path);
    await until(() => seen.at(-1) === null);
    await zookeeper.put(path, bytes("c"));
    await until(() => seen.at(-1) === "c");
    stop();
    await zookeeper.put(path, bytes("d"));
    await sleep(QUIET_MS);
    expect(seen).toEqual([null, "a", "b", null, "c"]);
  });

  test("a group's watches end by their path, and no other", async () => {
    const zookeeper = await openZooKeeper(server);
    const folder = freshPath();
    const [kept, ended] = [`${folder}/kept`, `${folder}/ended`];
    const group = new WatchGroup(zookeeper);
    const told: string[] = [];
    const tell = (node: ZNode | null, path: string): void => {
      told.push(`${path}=${node?.data.toString() ?? ""}`);
    };
    for (const path of [kept, ended]) zookeeper.watchNode(path, tell, group);
    zookeeper.watchNode(ended, (node) => node && told.push("another's"));
    await group.whenSynced(SOON_MS);
    zookeeper.unwatch(ended, group);
    for (const path of [ended, kept]) await zookeeper.put(path, bytes("x"));
    await until(() => told.includes(`${kept}=x`) && told.includes("another's"));
    expect(told).not.toContain(`${ended}=x`);
  });

  test("the last of many quick changes is never missed", async () => {
    const zookeeper = await openZooKeeper(server);
    const writer = await openZooKeeper(server);
    const path = freshPath();
    await writer.put(path, bytes("start"));
    const seen: string[] = [];
    zookeeper.watchNode(path, (node) => seen.push(node?.data.toString() ?? ""));
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 10 }, () => writer.put(path, bytes("x"))));
      await writer.put(path, bytes(`last ${round}`));
      await until(() => seen.at(-1) === `last ${round}`);
    }
    for (const [i, value] of seen.entries()) if (value !== "x") expect(seen[i + 1]).not.toBe(value);
  });

  test("several watches of one path, one of whose handlers throws", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    const seen: string[] = [];
    zookeeper.watchNode(path, () => {
      throw new Error("a handler's own problem");
    });
    for (let i = 0; i < 20; i++) zookeeper.watchNode(path, (node) => node && seen.push(`${i}`));
    await zookeeper.put(path, bytes("x"));
    await until(() => new Set(seen).size === 20);
  });

  test("one that may not be read is tried again, and never named in the log", async () => {
    const lines: string[] = [];
    const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
    const auth = { scheme: "digest", credential: "bridge:not-a-real-secret" };
    const owner = await openZooKeeper(server, { auth });
    const path = freshPath();
    await owner.put(path, bytes("closed content"));
    const zookeeper = await openZooKeeper(server, { log });
    const seen: (string | undefined)[] = [];
    zookeeper.watchNode(path, (node) => {
      seen.push(node?.data.toString());
      JSON.parse(node?.data.toString() ?? "");
    });
    await until(() => lines.some((line) => line.includes("AUTH")));
    await owner.delete(path);
    await zookeeper.put(path, bytes("open content"));
    await until(() => seen.at(-1) === "open content");
    await until(() => lines.some((line) => line.includes("SyntaxError")));
    await zookeeper.stop();
    const logged = lines.join("");
    for (const secret of [path.slice(1), "content", auth.credential])
      expect(logged).not.toContain(secret);
  });

  test("watching and giving up again and again leaves one watch, not many", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const zookeeper = await openZooKeeper(server);
    const path = freshPath();
    for (let i = 0; i < 30; i++) {
      let told = false;
      const stop = zookeeper.watchNode(path, () => {
        told = true;
      });
      await until(() => told);
      stop();
    }
    await sleep(0);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });
});

describe("a watched folder", () => {
  test("2,000 nodes are loaded, and followed", async () => {
    const writer = await openZooKeeper(server, { callTimeoutMs: 30_000 });
    const path = freshPath();
    const names = Array.from({ length: 2_000 }, (_, i) => `n${i}`);
    await writer.put(path, bytes(""));
    await Promise.all(names.map((name) => writer.create(`${path}/${name}`, bytes(`${name}@0`))));

    const zookeeper = await openZooKeeper(server);
    const held = new Map<string, string>();
    let told = 0;
    const folder = new FolderWatch({
      zookeeper,
      path,
      onNode: (name, { data }) => {
        told++;
        held.set(name, data.toString());
      },
      onGone: (name) => held.delete(name),
    });
    expect(folder.synced).toBe(false);
    expect(folder.ageMs()).toBe(Number.POSITIVE_INFINITY);
    folder.start();
    await folder.whenSynced(30_000);
    expect(folder.synced).toBe(true);
    expect(folder.ageMs()).toBeLessThan(CALL_TIMEOUT_MS);
    expect(held).toEqual(new Map(names.map((name) => [name, `${name}@0`])));
    expect(told).toBe(2_000);

    await writer.put(`${path}/n7`, bytes("n7@1"));
    await until(() => held.get("n7") === "n7@1");
    await writer.delete(`${path}/n8`);
    await until(() => !held.has("n8"));
    await writer.put(`${path}/new`, bytes("new@0"));
    await until(() => held.get("new") === "new@0");
    await writer.delete(`${path}/n9`);
    await writer.create(`${path}/n9`, bytes("n9 again"));
    await until(() => held.get("n9") === "n9 again");
    expect(told).toBeLessThan(2_010);

    folder.stop();
    await writer.put(`${path}/n1`, bytes("unseen"));
    await sleep(QUIET_MS);
    expect(held.get("n1")).toBe("n1@0");
  });

  test("a stop before the first load is not taken for an empty folder", async () => {
    const [port] = await freePorts(1);
    const zookeeper = await openZooKeeper(`127.0.0.1:${port}`);
    const folder = new FolderWatch({
      zookeeper,
      path: freshPath(),
      onNode: () => undefined,
      onGone: () => undefined,
    });
    folder.start();
    await expect(folder.whenSynced(50)).rejects.toThrow(
      expect.objectContaining({ code: "UNAVAILABLE" }),
    );
    const waiting = expect(folder.whenSynced(SOON_MS)).rejects.toThrow(
      expect.objectContaining({ code: "STOPPED" }),
    );
    await zookeeper.stop();
    await waiting;
    expect(folder.synced).toBe(false);
  });

  test("a missing folder is an empty one, until it is made", async () => {
    const zookeeper = await openZooKeeper(server);
    const path = `${freshPath()}/folder`;
    const held = new Map<string, string>();
    const folder = new FolderWatch({
      zookeeper,
      path,
      onNode: (name, { data }) => held.set(name, data.toString()),
      onGone: (name) => held.delete(name),
    });
    folder.start();
    await folder.whenSynced(SOON_MS);
    expect(held.size).toBe(0);
    await zookeeper.put(`${path}/a`, bytes("1"));
    await until(() => held.get("a") === "1");
    await zookeeper.delete(`${path}/a`);
    await zookeeper.delete(path);
    await until(() => held.size === 0);
    await zookeeper.put(`${path}/b`, bytes("2"));
    await until(() => held.get("b") === "2");
    folder.stop();
    await expect(folder.whenSynced(1)).rejects.toThrow(
      expect.objectContaining({ code: "STOPPED" }),
    );
  });
});
