import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type IndexPlace,
  type IndexRealm,
  LocalIndex,
} from "../../../bridge/registry/local-index.ts";
import { Sweeper, type SweeperOptions } from "../../../bridge/registry/sweeper.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";

const DAY_MS = 24 * 3600 * 1000;
const NOW_MS = 1_700_000_000_000;
/** 30 days of retention, 60 of outbox, 7 of a key's life and 7 of a segment. */
const LIFE_DAYS = 104;

const place = (n: number): IndexPlace => ({
  entryKey: Buffer.alloc(32, n),
  lookup: Buffer.alloc(16, n),
});

async function sweeperOf(
  usedDaysAgo: readonly number[],
  change: Partial<SweeperOptions> = {},
): Promise<{ realm: IndexRealm; sweeper: Sweeper; removed: number[] }> {
  const index = new LocalIndex(join(await testFolder(), "index"));
  await index.open();
  onTestFinished(() => index.close());
  const realm = index.realm("registry");
  await realm.write(
    usedDaysAgo.map((days, n) => ({
      ...place(n),
      sealed: Buffer.from("sealed"),
      usedAtMs: NOW_MS - days * DAY_MS,
    })),
  );
  const removed: number[] = [];
  const sweeper = new Sweeper({
    realm,
    newestAtMs: () => NOW_MS,
    outboxMaxAgeMs: 60 * DAY_MS,
    retentionMs: () => 30 * DAY_MS,
    topicRetentionMs: async () => 30 * DAY_MS,
    readToEnd: async () => undefined,
    remove: async ({ entryKey }) => void removed.push(entryKey[0] ?? -1),
    log: silentLog,
    ...change,
  });
  return { realm, sweeper, removed };
}

describe("the registry's sweeper", () => {
  test("takes out what was used so long ago that nothing sealed with it is left, and no more", async () => {
    const { sweeper, removed } = await sweeperOf([0, LIFE_DAYS - 1, LIFE_DAYS + 1, 5_000]);
    expect(await sweeper.sweep()).toBe(2);
    expect(removed.sort()).toEqual([2, 3]);
  });

  test("goes by the retention that the records' own topic has, where that is longer", async () => {
    const days = [400, 40, Number.POSITIVE_INFINITY];
    const { sweeper, removed } = await sweeperOf([300, 300, 300], {
      topicRetentionMs: async ({ entryKey }) => (days[entryKey[0] ?? 0] ?? 0) * DAY_MS,
    });
    await sweeper.sweep();
    expect(removed).toEqual([1]);
  });

  test("and by the tenant's where the topic's is shorter, or the topic is gone", async () => {
    const { sweeper, removed } = await sweeperOf([LIFE_DAYS - 1, LIFE_DAYS + 1], {
      topicRetentionMs: async () => 0,
    });
    await sweeper.sweep();
    expect(removed).toEqual([1]);
  });

  test("leaves what another bridge has seen in use meanwhile", async () => {
    const { sweeper, realm, removed } = await sweeperOf([300, 300], {
      readToEnd: async () => {
        await realm.write([{ ...place(0), sealed: Buffer.from("sealed"), usedAtMs: NOW_MS }]);
      },
      topicRetentionMs: async () => {
        await realm.write([{ ...place(1), sealed: Buffer.from("sealed"), usedAtMs: NOW_MS }]);
        return 0;
      },
    });
    expect(await sweeper.sweep()).toBe(0);
    expect(removed).toEqual([]);
  });

  test("takes nothing by its own clock: without Kafka's, or a tenant's retention, all stays", async () => {
    const unread = await sweeperOf([5_000], { newestAtMs: () => 0 });
    expect(await unread.sweeper.sweep()).toBe(0);
    const unknown = await sweeperOf([5_000], { retentionMs: () => Number.POSITIVE_INFINITY });
    expect(await unknown.sweeper.sweep()).toBe(0);
  });

  test("stops with what Kafka refuses", async () => {
    const { sweeper } = await sweeperOf([300], {
      remove: () => Promise.reject(new Error("away")),
    });
    await expect(sweeper.sweep()).rejects.toThrow("away");
  });
});
