import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Reading } from "../../agent/consumer/reading.ts";
import { FileSink } from "../../agent/consumer/sinks.ts";
import { Alerts } from "../../cli/consume-alerts.ts";
import { testFolder } from "../support/folder.ts";

const TOPICS = ["field/south", "field/north"];
const READING: Reading = {
  ...{ id: "kid:9", topic: "field/north", producer: "pi-1", timeMs: 1, takenMs: 2 },
  ...{ pack: [{ n: "t", v: 1 }], kafkaTopic: "veil-a", partition: 0, offset: 9n },
};

test.each([true, false])(
  "alerts name topics on a terminal (%s) and in the file, and in no log",
  async (isTerminal) => {
    let shown = "";
    const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
      shown += String(text);
      return true;
    });
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    onTestFinished(() => {
      spy.mockRestore();
      vi.useRealTimers();
    });
    const path = join(await testFolder(), "alerts.ndjson");
    const file = new FileSink(path);
    await file.open(null);
    const alerts = new Alerts({ topics: TOPICS, silenceMs: 5000, file, isTerminal });
    alerts.start(() => Date.now());
    alerts.observer.onReadings?.([READING]);
    alerts.observer.onGap?.({ before: READING, missing: 3n });
    alerts.observer.onDeleted?.({ topic: "field/north", lost: 7n });
    vi.advanceTimersByTime(6000);
    await alerts.stop();
    await file.close();
    const [north, south] = isTerminal ? TOPICS.toReversed() : ["topic 2 of 2", "topic 1 of 2"];
    expect(shown.trimEnd().split("\n")).toEqual([
      `veilmq: alert: gap: 3 readings of one device are missing in ${north}`,
      `veilmq: alert: gap: Kafka has deleted 7 records of ${north} before they were read`,
      `veilmq: alert: silence: nothing in ${south} for 5 s`,
      `veilmq: alert: silence: nothing in ${north} for 5 s`,
    ]);
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { alert: "gap", topic: "field/north", producer: "pi-1", missing: 3 },
      { alert: "deleted", topic: "field/north", missing: 7 },
      { alert: "silence", topic: "field/south", producer: null, silentMs: 5000 },
      { alert: "silence", topic: "field/north", producer: "pi-1", silentMs: 5000 },
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  },
);
