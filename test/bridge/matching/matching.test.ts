import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Matching } from "../../../bridge/matching/matching.ts";
import { TagFile } from "../../../bridge/matching/tag-file.ts";
import { EPOCH, Fleet, type Member } from "../../support/fleet.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";

const fleet = new Fleet();
const producer = fleet.enrol("sensor", ["weather/a", "weather/b", "weather/c"]);
const consumer = fleet.enrol("reader", ["weather/a"]);

interface Rig {
  readonly matching: Matching;
  readonly sources: string[];
  match(member: Member, topic: string): Promise<Buffer>;
  tick(ms: number): void;
}

function rig(file?: TagFile): Rig {
  const sources: string[] = [];
  let nowMs = 0;
  const matching = new Matching({
    onMatch: (source, tenant) => sources.push(`${source} ${tenant}`),
    nowMs: () => nowMs,
    maxWorkers: 2,
    ...(file && { file }),
  });
  onTestFinished(() => matching.stop());
  return {
    matching,
    sources,
    match: (member, topic) => {
      const client = clientOf(member);
      const token = member.role.token(topic);
      return matching.match({ tenant: fleet.only, client, operation: "pub", epoch: EPOCH, token });
    },
    tick: (ms) => {
      nowMs += ms;
    },
  };
}

/** proc_pid_stat(5): the nineteenth value, counted from behind the name. */
async function nicenessOfThreads(): Promise<Set<number>> {
  const threads = await readdir("/proc/self/task");
  const stats = threads.map((id) => readFile(`/proc/self/task/${id}/stat`, "utf8"));
  return new Set(
    (await Promise.all(stats)).map((stat) => Number(stat.split(") ").at(-1)?.split(" ")[16])),
  );
}

function clientOf({ login }: Member) {
  const client = fleet.client(login);
  if (!client) throw new Error("no such client");
  return client;
}

describe("match", () => {
  it("finds the owner's tag, the same for every client", async () => {
    const { match, tick } = rig();
    expect(await match(producer, "weather/a")).toEqual(fleet.tag("weather/a"));
    expect(await match(consumer, "weather/a")).toEqual(fleet.tag("weather/a"));
    tick(200);
    expect(await match(consumer, "weather/b")).toEqual(fleet.tag("weather/b"));
  });

  it("keeps a tag without the memory that it came in", async () => {
    const tag = await rig().match(producer, "weather/a");
    expect(tag.buffer.byteLength).toBe(32);
  });

  it("leaves the processor to the event loop", async () => {
    await rig().match(producer, "weather/a");
    expect(await nicenessOfThreads()).toEqual(new Set([getPriority(), 10]));
  });

  it("computes a token once, also when it is asked for twice at the same time", async () => {
    const { match, sources } = rig();
    await Promise.all([match(producer, "weather/a"), match(producer, "weather/a")]);
    await match(producer, "weather/a");
    expect(sources).toEqual(["computed acme", "cached acme"]);
  });

  it("computes anew after the client's halves changed, and not for other changes", async () => {
    const { match, sources } = rig();
    const before = clientOf(producer);
    await match(producer, "weather/a");
    fleet.change(producer.login, { grants: fleet.grants(["weather/a", "weather/d"]) });
    await match(producer, "weather/a");
    const other = clientOf(consumer).halves;
    fleet.change(producer.login, { halves: other });
    const wrong = await match(producer, "weather/a");
    fleet.set(before);
    expect(wrong).not.toEqual(fleet.tag("weather/a"));
    expect(sources).toEqual(["computed acme", "cached acme", "computed acme"]);
  });

  it("refuses a token that is no element, another epoch, and a revoked client", async () => {
    const { matching } = rig();
    const client = clientOf(producer);
    const token = producer.role.token("weather/a");
    const ask = { tenant: fleet.only, client, operation: "pub", epoch: EPOCH, token } as const;
    const garbled = Buffer.alloc(token.length, 0xff);
    await expect(matching.match({ ...ask, token: garbled })).rejects.toMatchObject({
      code: "BAD_TOKEN",
    });
    await expect(matching.match({ ...ask, token: token.subarray(1) })).rejects.toMatchObject({
      code: "BAD_TOKEN",
    });
    await expect(matching.match({ ...ask, epoch: 9 })).rejects.toMatchObject({ code: "EPOCH" });
    const revoked = { ...client, status: "revoked" as const };
    await expect(matching.match({ ...ask, client: revoked })).rejects.toMatchObject({
      code: "REVOKED",
    });
  });

  it("answers LIMIT when the bucket is empty, but still what it knows", async () => {
    const { match, tick } = rig();
    for (const topic of ["weather/a", "weather/b", "weather/c"]) await match(producer, topic);
    await expect(match(producer, "weather/d")).rejects.toMatchObject({ code: "LIMIT" });
    expect(await match(producer, "weather/a")).toEqual(fleet.tag("weather/a"));
    expect(await match(consumer, "weather/a")).toEqual(fleet.tag("weather/a"));
    tick(200);
    expect(await match(producer, "weather/d")).toEqual(fleet.tag("weather/d"));
  });
});

describe("what is known after a restart", () => {
  async function tagFile(path: string, identity = "AGE-SECRET-KEY-1A"): Promise<TagFile> {
    return new TagFile({ path, identities: [identity], maxTags: 4, log: silentLog });
  }

  it("is what was known when it stopped, and nothing that a client's new halves change", async () => {
    const path = join(await testFolder(), "matches");
    const first = rig(await tagFile(path));
    await first.matching.start();
    await first.match(producer, "weather/a");
    await first.match(consumer, "weather/a");
    await first.matching.stop();
    expect((await stat(path)).mode & 0o777).toBe(0o600);

    const second = rig(await tagFile(path));
    await second.matching.start();
    expect(await second.match(producer, "weather/a")).toEqual(fleet.tag("weather/a"));
    const before = clientOf(consumer);
    fleet.change(consumer.login, { halves: clientOf(producer).halves });
    await second.match(consumer, "weather/a");
    fleet.set(before);
    await second.match(producer, "weather/b");
    expect(second.sources).toEqual(["cached acme", "computed acme", "computed acme"]);
    await second.matching.stop();
    expect(await (await tagFile(path)).load()).toHaveLength(4);
  });

  it("is nothing where the file is another bridge's, damaged, too large, or not there", async () => {
    const path = join(await testFolder(), "matches");
    const file = await tagFile(path);
    expect(await file.load()).toEqual([]);
    const known = (count: number): [string, Buffer][] =>
      Array.from({ length: count }, () => [randomBytes(32).toString("base64"), randomBytes(32)]);
    const four = known(4);
    await file.save(four);
    expect(await file.load()).toEqual(four);
    expect(await (await tagFile(path, "AGE-SECRET-KEY-1B")).load()).toEqual([]);
    const bytes = await readFile(path);
    for (const [question, tag] of four) {
      expect(bytes.includes(Buffer.from(question, "base64"))).toBe(false);
      expect(bytes.includes(tag)).toBe(false);
    }
    for (const torn of [bytes.subarray(0, 100), Buffer.alloc(0), Buffer.alloc(bytes.length)]) {
      await writeFile(path, torn);
      expect(await file.load()).toEqual([]);
    }
    await file.save(known(5));
    expect(await file.load()).toEqual([]);
  });

  it("is not worth a bridge's life: a disk that does not write is passed over", async () => {
    const { matching, match } = rig(await tagFile("/nowhere/at/all/matches"));
    await matching.start();
    await match(producer, "weather/a");
    await matching.stop();
  });
});

describe("release and check", () => {
  it("gives a V from which the consumer gets the producer's key", async () => {
    const { matching } = rig();
    const { ikm, wrapped } = producer.role.wrap(randomBytes);
    const ask = { tenant: fleet.only, client: clientOf(consumer), epoch: EPOCH, wrapped };
    await matching.checkWrapped(ask);
    expect(consumer.role.unwrap(await matching.release(ask))).toEqual(ikm);
  });

  it("refuses a W that is no element", async () => {
    const { matching } = rig();
    const wrapped = Buffer.alloc(256, 0xff);
    const ask = { tenant: fleet.only, client: clientOf(consumer), epoch: EPOCH, wrapped };
    await expect(matching.checkWrapped(ask)).rejects.toMatchObject({ code: "BAD_RECORD" });
    await expect(matching.release(ask)).rejects.toMatchObject({ code: "BAD_RECORD" });
    await expect(matching.checkWrapped({ ...ask, epoch: 9 })).rejects.toMatchObject({
      code: "EPOCH",
    });
  });

  it("does not block the event loop", async () => {
    const { matching } = rig();
    const client = clientOf(consumer);
    const { wrapped } = producer.role.wrap(randomBytes);
    const ask = { tenant: fleet.only, client, epoch: EPOCH, wrapped };
    await matching.release(ask);
    let longestMs = 0;
    const startedMs = performance.now();
    let lastMs = startedMs;
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
    }, 1);
    await Promise.all(Array.from({ length: 500 }, () => matching.release(ask)));
    clearInterval(timer);
    const totalMs = performance.now() - startedMs;
    // On this thread they would be one long turn of its loop.
    expect(Math.max(longestMs, performance.now() - lastMs)).toBeLessThan(totalMs / 2);
  });

  it("ends what waits when it stops", async () => {
    const { matching } = rig();
    const { wrapped } = producer.role.wrap(randomBytes);
    const ask = { tenant: fleet.only, client: clientOf(consumer), epoch: EPOCH, wrapped };
    const releases = Array.from({ length: 5 }, () => matching.release(ask));
    const settled = Promise.allSettled(releases);
    await matching.stop();
    expect((await settled).at(-1)).toMatchObject({ reason: { code: "STOPPED" } });
  });
});
