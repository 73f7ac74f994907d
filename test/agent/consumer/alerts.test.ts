import { expect, test } from "vitest";
import { type Alert, SilenceWatch } from "../../../agent/consumer/alerts.ts";
import { Marks } from "../../../agent/consumer/marks.ts";

test("silence is told once for each device, and when it ends", () => {
  const alerts: Alert[] = [];
  const watch = new SilenceWatch({ silenceMs: 1000, onAlert: (alert) => alerts.push(alert) });
  watch.expect("a", 0);
  watch.expect("b", 0);
  watch.heard("a", "pi-1", 500);
  watch.heard("a", "pi-2", 900);
  watch.check(1000);
  watch.check(1600);
  watch.check(1700);
  watch.heard("a", "pi-1", 3000);
  watch.check(3100);
  const told = alerts.map(({ alert, topic, ...rest }) => {
    const { producer, silentMs } = { producer: null, silentMs: 0, ...rest };
    return [alert, topic, producer, silentMs];
  });
  expect(told).toEqual([
    ["silence", "b", null, 1000],
    ["silence", "a", "pi-1", 1100],
    ["heard again", "a", "pi-1", 2500],
    ["silence", "a", "pi-2", 2200],
  ]);
});

test("a gap is what sequence numbers leave out, over kids as well, and never what was not there to be read", () => {
  const marks = new Marks();
  const advance = (kid: string, seq: bigint) =>
    marks.advance({ producer: "p", kid, seq }, Date.now());
  expect(advance("k1", 40n)).toBe(0n);
  expect(advance("k1", 41n)).toBe(0n);
  expect(advance("k1", 45n)).toBe(3n);
  expect(advance("k2", 0n)).toBe(0n);
  expect(advance("k3", 2n)).toBe(2n);
});
