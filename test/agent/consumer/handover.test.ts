import { expect, test } from "vitest";
import { Handover } from "../../../agent/consumer/handover.ts";
import type { Reading } from "../../../agent/consumer/reading.ts";

function readingsOf(...ids: string[]): Reading[] {
  return ids.map((id, n) => ({
    ...{ id, topic: "t", producer: "p", timeMs: 0, takenMs: 0, pack: [{ n: "a", v: 1 }] },
    ...{ kafkaTopic: "veil-a", partition: 0, offset: BigInt(n) },
  }));
}

/** What became of a write. */
function written(handover: Handover, readings: readonly Reading[]) {
  return handover.write(readings).then(
    () => "all",
    (error: { code: string }) => `${error.code} after ${handover.taken}`,
  );
}

test("a reading is taken when the next one is asked for", async () => {
  const handover = new Handover();
  const first = written(handover, readingsOf("a", "b"));
  expect((await handover.next())?.id).toBe("a");
  expect(handover.taken).toBe(0);
  expect((await handover.next())?.id).toBe("b");
  const asking = handover.next();
  expect(await first).toBe("all");
  const second = written(handover, readingsOf("c"));
  expect((await asking)?.id).toBe("c");
  handover.leave();
  expect(await second).toBe("STOPPED after 0");
});

test("after a stop nothing is given out, and what the loop had counts when it asks again", async () => {
  const handover = new Handover();
  const writing = written(handover, readingsOf("a", "b", "c"));
  await handover.next();
  await handover.next();
  handover.stop();
  expect(await handover.next()).toBeNull();
  expect(await writing).toBe("STOPPED after 2");
  expect(await written(handover, readingsOf("d"))).toBe("STOPPED after 0");
});

test("what a loop has when it is left is not taken", async () => {
  const handover = new Handover();
  const writing = written(handover, readingsOf("a", "b", "c"));
  await handover.next();
  await handover.next();
  handover.leave();
  expect(await writing).toBe("STOPPED after 1");
  expect(await handover.next()).toBeNull();
});

test("a stop at the last of them leaves none behind", async () => {
  const handover = new Handover();
  const writing = written(handover, readingsOf("a"));
  await handover.next();
  handover.stop();
  expect(await handover.next()).toBeNull();
  expect(await writing).toBe("all");
});

test("a loop that waits is told of a stop, and of the end", async () => {
  for (const how of ["stop", "end"] as const) {
    const handover = new Handover();
    const asking = handover.next();
    handover[how]();
    expect(await asking).toBeNull();
  }
});
