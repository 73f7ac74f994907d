import { describe, expect, test } from "vitest";
import { Places, RateLimit } from "../../../bridge/limits/rate-limit.ts";

const limit = expect.objectContaining({ code: "LIMIT" });

describe("RateLimit", () => {
  function atTime() {
    const clock = { ms: 0 };
    const rate = new RateLimit({ burst: 3, perSecond: 2, nowMs: () => clock.ms });
    return { clock, rate };
  }

  test("lets a burst through, and then as many as come back", () => {
    const { clock, rate } = atTime();
    for (let n = 0; n < 3; n++) rate.take("a");
    expect(() => rate.take("a")).toThrow(limit);
    clock.ms = 499;
    expect(() => rate.take("a")).toThrow(limit);
    clock.ms = 500;
    rate.take("a");
    expect(() => rate.take("a")).toThrow(limit);
  });

  test("what turned out to cost more is paid for by waiting", () => {
    const { clock, rate } = atTime();
    rate.take("a");
    rate.charge("a", 4);
    clock.ms = 1_499;
    expect(() => rate.take("a")).toThrow(limit);
    clock.ms = 1_500;
    rate.take("a");
  });

  test("one name's rate is not another's, and a rest saves up no more than a burst", () => {
    const { clock, rate } = atTime();
    for (let n = 0; n < 3; n++) rate.take("a");
    rate.take("b");
    clock.ms = 3_600_000;
    for (let n = 0; n < 3; n++) rate.take("a");
    expect(() => rate.take("a")).toThrow(limit);
  });

  test("a cost may go below zero, and is waited for", () => {
    const { clock, rate } = atTime();
    rate.charge("a", 7);
    clock.ms = 2_000;
    expect(() => rate.take("a")).toThrow(limit);
    clock.ms = 2_500;
    rate.take("a");
  });
});

describe("Places", () => {
  test("are so many for each name, and free again when left, once", () => {
    const places = new Places(() => 2);
    const leave = places.enter("a");
    places.enter("a");
    places.enter("b");
    expect(() => places.enter("a")).toThrow(limit);
    leave();
    leave();
    places.enter("a");
    expect(() => places.enter("a")).toThrow(limit);
  });
});
