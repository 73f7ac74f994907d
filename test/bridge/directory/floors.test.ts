import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { Floors, type FloorTopic } from "../../../bridge/directory/floors.ts";
import type { TopicEntry } from "../../../bridge/store/topic-entry.ts";
import { VeilError } from "../../../core/errors.ts";
import { InternalStore } from "../../../core/wire/store.ts";
import { silentLog } from "../../support/kafka.ts";

const store = new InternalStore(Buffer.alloc(32, 1));
const path = "/veilmq/acme/clients/pump";
const digest = (n: number): string => Buffer.alloc(32, n).toString("base64");
const at = (serial: number, bytes = serial) => ({ path, serial, digest: digest(bytes) });
const rolledBack = expect.objectContaining({ code: "ROLLED_BACK" });

/** What Kafka has, in order; `away` makes it refuse. */
class Log implements FloorTopic {
  readonly entries: TopicEntry[] = [];
  away = false;
  attempts = 0;

  async append(entry: TopicEntry): Promise<void> {
    this.attempts++;
    if (this.away) throw new VeilError("UNAVAILABLE", "away");
    this.entries.push(entry);
  }
}

function floorsOn(topic: Log, using = store): Floors {
  const timing = { delay: { minMs: 5, maxMs: 10 }, retry: { minMs: 5, maxMs: 10 } };
  const floors = new Floors({ store: using, topic, log: silentLog, timing });
  onTestFinished(() => floors.stop());
  for (const entry of topic.entries) floors.read(entry);
  return floors;
}

function raise(floors: Floors, serial: number): void {
  floors.check(at(serial));
  floors.raise(at(serial));
}

describe("floors", () => {
  test("a lower serial is refused, and the same with other bytes; the same again is not", () => {
    const floors = floorsOn(new Log());
    raise(floors, 5);
    expect(() => floors.check(at(4))).toThrow(rolledBack);
    expect(() => floors.check(at(5, 99))).toThrow(rolledBack);
    floors.check(at(5));
    floors.check(at(6));
    floors.check({ ...at(1), path: "/veilmq/acme/clients/fan" });
  });

  test("hold past a restart", async () => {
    const topic = new Log();
    const floors = floorsOn(topic);
    raise(floors, 5);
    await floors.record([path]);
    const again = floorsOn(topic);
    expect(() => again.check(at(4))).toThrow(rolledBack);
    expect(() => again.check(at(5, 99))).toThrow(rolledBack);
    again.check(at(5));
    expect(again.isRecorded(path)).toBe(true);
  });

  test("are not written twice", async () => {
    const topic = new Log();
    const floors = floorsOn(topic);
    raise(floors, 5);
    await floors.record([path]);
    await floors.record([path]);
    raise(floors, 5);
    await floors.record([path]);
    expect(topic.entries).toHaveLength(1);
  });

  test("say nothing to who has no K_b, and take nothing from them", async () => {
    const topic = new Log();
    const floors = floorsOn(topic);
    raise(floors, 5);
    await floors.record([path]);
    const [entry] = topic.entries;
    expect(entry?.value?.includes("pump")).toBe(false);
    const foreign = floorsOn(topic, new InternalStore(Buffer.alloc(32, 2)));
    foreign.check(at(4));
  });
});

describe("recording beside", () => {
  test("goes on until Kafka has them", async () => {
    const topic = new Log();
    topic.away = true;
    const floors = floorsOn(topic);
    raise(floors, 5);
    await expect(floors.record([path])).rejects.toMatchObject({ code: "UNAVAILABLE" });
    await expect.poll(() => topic.attempts).toBeGreaterThan(1);
    topic.away = false;
    await expect.poll(() => floors.isRecorded(path)).toBe(true);
    expect(topic.entries).toHaveLength(1);
  });

  test("leaves out what another bridge recorded meanwhile", async () => {
    const [mine, other] = [new Log(), new Log()];
    const floors = floorsOn(mine);
    raise(floors, 5);
    floors.recordSoon(path);
    const elsewhere = floorsOn(other);
    raise(elsewhere, 5);
    await elsewhere.record([path]);
    for (const entry of other.entries) floors.read(entry);
    await sleep(40);
    expect(mine.attempts).toBe(0);
  });

  test("puts the higher floor last where two bridges crossed: compaction keeps the last", async () => {
    const topic = new Log();
    const low = floorsOn(topic);
    raise(low, 5);
    const high = floorsOn(topic);
    raise(high, 6);
    await high.record([path]);
    await low.record([path]);
    for (const entry of topic.entries) high.read(entry);
    await expect.poll(() => topic.entries).toHaveLength(3);
    const compacted = new Log();
    compacted.entries.push(...topic.entries.slice(-1));
    expect(() => floorsOn(compacted).check(at(5))).toThrow(rolledBack);
  });

  test("records what comes after a pause as well", async () => {
    const topic = new Log();
    const floors = floorsOn(topic);
    for (const serial of [5, 6]) {
      raise(floors, serial);
      floors.recordSoon(path);
      await expect.poll(() => floors.isRecorded(path)).toBe(true);
    }
    expect(topic.entries).toHaveLength(2);
  });
});
