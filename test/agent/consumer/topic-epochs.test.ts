import { describe, expect, onTestFinished, test, vi } from "vitest";
import { KnownNames } from "../../../agent/consumer/known-names.ts";
import type { EpochScheme } from "../../../agent/consumer/scheme.ts";
import { TopicEpochs, type TopicEpochsOptions } from "../../../agent/consumer/topic-epochs.ts";
import { TopicNotFoundError } from "../../../agent/consumer/topic-not-found.ts";
import { type ErrorCode, VeilError } from "../../../core/errors.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import type { MatchResponse } from "../../../core/wire/http.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";

const TOPIC = "north/climate";
const WAIT = { timeout: 30_000, interval: 5 };

function nameOf(epoch: number): string {
  return `veil-${String.fromCharCode(96 + epoch).repeat(52)}`;
}

function producers(...keys: string[]) {
  return keys.map((key) => ({
    offset: 0n,
    timestampMs: 0,
    key: Buffer.from(key, "hex"),
    value: null,
  }));
}

/** A bridge and a Kafka that a test changes as it goes. */
async function makeWorld(
  options: { epochs?: number[]; stateDir?: string; wait?: boolean; drainMs?: number } = {},
) {
  const names = new KnownNames({ stateDir: options.stateDir ?? (await testFolder()) });
  await names.start();
  const end = new AbortController();
  const world = {
    epochs: options.epochs ?? [1, 2],
    /** Epochs whose names are there. */
    there: new Set<number>(),
    /** Epochs that matching is refused for, with the code. */
    refused: new Map<number, ErrorCode>(),
    /** Kafka topics that a broker does not know. */
    unknown: new Set<string>(),
    /** In the order in which reading them began, with `isNew`. */
    begun: [] as [string, boolean][],
    asked: [] as number[],
    /** Names that `readToEnd` was asked for, and how to answer. */
    draining: new Map<string, () => void>(),
    /** Kafka topics that were deleted while they were read, and how often their ends were asked for. */
    deleted: new Map<string, number>(),
    gone: [] as string[],
    hurried: 0,
    settled: false,
    names,
    topic: null as unknown as TopicEpochs,
    start: () => {
      const running = world.topic.run(end.signal);
      running.catch(() => undefined);
      return running;
    },
    stop: () => end.abort(),
  };
  const schemeOf = (epoch: number): EpochScheme => ({
    realm: { tenant: "acme", epoch },
    trapdoor: async () => Buffer.from([epoch]),
    unwrap: async (released) => released,
  });
  const parts: TopicEpochsOptions = {
    ...{ topic: TOPIC, names, wait: options.wait ?? false, log: silentLog },
    retry: { minMs: 1, maxMs: 10 },
    scheme: {
      get epochs() {
        return world.epochs;
      },
      of: schemeOf,
    },
    bridge: {
      match: async (epoch): Promise<MatchResponse | null> => {
        world.asked.push(epoch);
        const code = world.refused.get(epoch);
        if (code) throw new VeilError(code, "by the test");
        if (!world.there.has(epoch)) return null;
        const brokerAddress = "kafka:9092";
        return { topic_name: nameOf(epoch), brokerAddress, partitions: [], epoch };
      },
      brokers: async () => ["kafka:9092"],
    },
    begin: async ({ kafkaTopic, isNew }) => {
      if (world.unknown.has(kafkaTopic)) throw new VeilError("NOT_FOUND", "by the test");
      world.begun.push([kafkaTopic, isNew]);
    },
    readToEnd: (kafkaTopic, signal) =>
      new Promise<void>((resolve, reject) => {
        const asked = world.deleted.get(kafkaTopic);
        if (asked === undefined) {
          world.draining.set(kafkaTopic, resolve);
          signal.addEventListener("abort", () => reject(new VeilError("STOPPED", "by the test")));
          return;
        }
        world.deleted.set(kafkaTopic, asked + 1);
        reject(new VeilError("NOT_FOUND", "by the test"));
      }),
    onGone: (kafkaTopic) => world.gone.push(kafkaTopic),
    ...(options.drainMs === undefined ? {} : { drainMs: options.drainMs }),
    onAsked: () => {
      world.settled = true;
    },
    onEpochRefused: () => {
      world.hurried++;
    },
  };
  world.topic = new TopicEpochs(parts);
  onTestFinished(() => end.abort());
  return world;
}

/** Whether a promise is settled after a moment. */
async function isDone(work: Promise<unknown>): Promise<boolean> {
  let done = false;
  const settled = work.then(() => {
    done = true;
  });
  await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, 50))]);
  return done;
}

describe("a topic's names", () => {
  test("are looked for in every epoch; one that comes later is read as a new one", async () => {
    const world = await makeWorld();
    world.there.add(1);
    void world.start();
    await vi.waitFor(() => expect(world.settled).toBe(true), WAIT);
    expect(world.begun).toEqual([[nameOf(1), false]]);
    world.there.add(2);
    await vi.waitFor(() => expect(world.begun.at(-1)).toEqual([nameOf(2), true]), WAIT);
  });

  test("of an epoch that mail brings are looked for, too, and read whole", async () => {
    const world = await makeWorld({ epochs: [1] });
    world.there.add(1).add(2);
    void world.start();
    await vi.waitFor(() => expect(world.begun).toHaveLength(1), WAIT);
    world.epochs = [1, 2];
    world.topic.swap();
    await vi.waitFor(() => expect(world.begun.at(-1)).toEqual([nameOf(2), true]), WAIT);
  });

  test("Topic not found: only if no epoch has one", async () => {
    const none = await makeWorld();
    const error: unknown = await none.start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TopicNotFoundError);
    expect(error).toMatchObject({ code: "NOT_FOUND", message: "Topic not found" });
    const newer = await makeWorld();
    newer.there.add(2);
    const running = newer.start();
    await vi.waitFor(() => expect(newer.begun).toHaveLength(1), WAIT);
    expect(await isDone(running)).toBe(false);
    const waiting = await makeWorld({ wait: true });
    expect(await isDone(waiting.start())).toBe(false);
  });

  test("keys that are not in force any more end it, and have mail asked for", async () => {
    const world = await makeWorld({ epochs: [1] });
    world.refused.set(1, "EPOCH");
    await expect(world.start()).rejects.toMatchObject({ code: "EPOCH" });
    expect(world.hurried).toBeGreaterThan(0);
  });

  test("a retired epoch's name is remembered, over a restart, and read by that", async () => {
    const stateDir = await testFolder();
    const before = await makeWorld({ stateDir });
    before.there.add(1);
    void before.start();
    await vi.waitFor(() => expect(before.begun).toHaveLength(1), WAIT);
    before.stop();
    const after = await makeWorld({ stateDir });
    after.there.add(2);
    after.refused.set(1, "EPOCH");
    void after.start();
    await vi.waitFor(() => expect(after.begun).toHaveLength(2), WAIT);
    expect(after.begun.map(([name]) => name).sort()).toEqual([nameOf(1), nameOf(2)]);
  });

  test("what is wrong with an older epoch alone ends nothing", async () => {
    const world = await makeWorld();
    world.there.add(2);
    world.refused.set(1, "BAD_TOKEN");
    const running = world.start();
    await vi.waitFor(() => expect(world.settled).toBe(true), WAIT);
    expect(await isDone(running)).toBe(false);
    const revoked = await makeWorld();
    revoked.there.add(2);
    revoked.refused.set(1, "REVOKED");
    await expect(revoked.start()).rejects.toMatchObject({ code: "REVOKED" });
  });

  test("a name that a broker does not know yet is tried again", async () => {
    const world = await makeWorld({ epochs: [1] });
    world.there.add(1);
    world.unknown.add(nameOf(1));
    void world.start();
    await vi.waitFor(() => expect(world.asked.length).toBeGreaterThan(2), WAIT);
    world.unknown.clear();
    await vi.waitFor(() => expect(world.begun).toHaveLength(1), WAIT);
  });
});

describe("before the first record of a producer", () => {
  async function reading(...epochs: number[]) {
    const world = await makeWorld({ epochs });
    for (const epoch of epochs) world.there.add(epoch);
    void world.start();
    await vi.waitFor(() => expect(world.begun).toHaveLength(epochs.length), WAIT);
    const admit = (epoch: number, keys: string[], known: string[] = []) =>
      world.topic.admit(
        { topic: nameOf(epoch), messages: producers(...keys) },
        (key) => known.includes(key),
        NEVER,
      );
    return { world, admit };
  }

  test("all older names are read to their ends, one after the other", async () => {
    const { world, admit } = await reading(1, 2, 3);
    const admitted = admit(3, ["aa"]);
    expect(await isDone(admitted)).toBe(false);
    expect([...world.draining.keys()]).toEqual([nameOf(1)]);
    world.draining.get(nameOf(1))?.();
    expect(await isDone(admitted)).toBe(false);
    expect([...world.draining.keys()]).toEqual([nameOf(1), nameOf(2)]);
    world.draining.get(nameOf(2))?.();
    await admitted;
  });

  test("and nothing is asked for who is known, or in the oldest name", async () => {
    const { world, admit } = await reading(1, 2);
    await admit(2, ["aa", "bb"], ["aa", "bb"]);
    await admit(1, ["cc"]);
    expect(world.draining.size).toBe(0);
    expect(await isDone(admit(2, ["aa", "cc"], ["aa", "bb"]))).toBe(false);
  });

  test("an older name that was not there is asked for once more: the producer may have made it", async () => {
    const world = await makeWorld();
    world.there.add(2);
    void world.start();
    await vi.waitFor(() => expect(world.settled).toBe(true), WAIT);
    const batch = { topic: nameOf(2), messages: producers("aa") };
    await world.topic.admit(batch, () => false, NEVER);
    world.there.add(1);
    const admitted = world.topic.admit(batch, () => false, NEVER);
    await vi.waitFor(() => expect(world.draining.has(nameOf(1))).toBe(true), WAIT);
    expect(world.begun.at(-1)).toEqual([nameOf(1), true]);
    world.draining.get(nameOf(1))?.();
    await admitted;
  });

  test("a name whose keys are not released any more is given up; the newest is not", async () => {
    const { world, admit } = await reading(1, 2);
    expect(world.topic.giveUp(nameOf(2))).toBe(false);
    expect(world.topic.giveUp(nameOf(1))).toBe(true);
    await admit(2, ["aa"]);
    expect(world.draining.size).toBe(0);
  });

  test("a name that was deleted in Kafka is waited for no more, once no bridge tells of it", async () => {
    const { world, admit } = await reading(1, 2);
    world.deleted.set(nameOf(1), 0);
    const admitted = admit(2, ["aa"]);
    // A broker that has just started may not know it yet.
    await vi.waitFor(() => expect(world.deleted.get(nameOf(1))).toBeGreaterThan(11), WAIT);
    expect(await isDone(admitted)).toBe(false);
    expect(world.gone).toEqual([]);
    world.there.delete(1);
    await admitted;
    expect(world.gone).toEqual([nameOf(1)]);
    expect(world.deleted.get(nameOf(1))).toBeGreaterThan(20);
    await admit(2, ["bb"]);
  });

  test("a name that is deleted while its end is waited for, too", async () => {
    const world = await makeWorld({ drainMs: 20 });
    world.there.add(1).add(2);
    void world.start();
    await vi.waitFor(() => expect(world.begun).toHaveLength(2), WAIT);
    const batch = { topic: nameOf(2), messages: producers("aa") };
    const admitted = world.topic.admit(batch, () => false, NEVER);
    await vi.waitFor(() => expect(world.draining.has(nameOf(1))).toBe(true), WAIT);
    world.refused.set(1, "EPOCH");
    world.deleted.set(nameOf(1), 0);
    await admitted;
    expect(world.gone).toEqual([nameOf(1)]);
  });

  test("a name that Kafka does not know is lost where nobody waits for it, the newest too", async () => {
    const { world } = await reading(1, 2);
    for (const epoch of [1, 2]) {
      world.there.delete(epoch);
      world.deleted.set(nameOf(epoch), 0);
    }
    await Promise.all([1, 2].map((epoch) => world.topic.lookFor(nameOf(epoch), NEVER)));
    expect(world.gone.sort()).toEqual([nameOf(1), nameOf(2)]);
    await world.topic.lookFor("veil-another", NEVER);
  });
});
