import { expect, test } from "vitest";
import { type Alert, SilenceWatch } from "../../../agent/consumer/alerts.ts";
import { Marks } from "../../../agent/consumer/marks.ts";
import { Positions } from "../../../agent/consumer/positions.ts";

test("silence is told once for each device, and when it ends", () => {
  const alerts: Alert[] = [];
  const watch = new SilenceWatch({ silenceMs: 1000, onAlert: (alert) => alerts.push(alert) });
  watch.expect("a", 0);
  watch.expect("b", 0);
  watch.heard("a", "pi-1", 500);
  watch.heard("a", "pi-2", 900);
  watch.check(() => 1000);
  watch.check(() => 1600);
  watch.check(() => 1700);
  watch.heard("a", "pi-1", 3000);
  watch.check(() => 3100);
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

test("nobody is silent whose topic was not read meanwhile", () => {
  const alerts: Alert[] = [];
  const watch = new SilenceWatch({ silenceMs: 1000, onAlert: (alert) => alerts.push(alert) });
  watch.expect("a", 0);
  watch.expect("b", 0);
  watch.heard("a", "pi-1", 500);
  // "a" was read until 900, "b" never.
  const readAt = (topic: string) => (topic === "a" ? 900 : null);
  for (let check = 0; check < 3; check++) watch.check(readAt);
  expect(alerts).toEqual([]);
  watch.check((topic) => (topic === "a" ? 1500 : null));
  expect(alerts).toMatchObject([{ alert: "silence", topic: "a", atMs: 1500, silentMs: 1000 }]);
});

test("a topic has been read when all its partitions have, under every name", () => {
  const positions = new Positions();
  const at = (kafkaTopic: string, topic = "a") => {
    positions.begin({ topic, kafkaTopic, partition: 0, offset: 0n, end: 0n });
  };
  expect(positions.readToEndAtMs("a")).toBeNull();
  at("veil-1");
  at("veil-2");
  at("veil-3", "b");
  positions.readToEnd("veil-1", 0, 5000);
  expect(positions.readToEndAtMs("a")).toBeNull();
  positions.readToEnd("veil-2", 0, 3000);
  expect(positions.readToEndAtMs("a")).toBe(3000);
  positions.drop("veil-2");
  expect(positions.readToEndAtMs("a")).toBe(5000);
});

test("a gap is what sequence numbers leave out, over kids as well, and never what was not there to be read", () => {
  const marks = new Marks();
  const advance = (kid: string, seq: bigint) => marks.advance({ producer: "p", kid, seq });
  expect(advance("k1", 40n)).toBe(0n);
  expect(advance("k1", 41n)).toBe(0n);
  expect(advance("k1", 45n)).toBe(3n);
  expect(advance("k2", 0n)).toBe(0n);
  expect(advance("k3", 2n)).toBe(2n);
});
