import { expect, test } from "vitest";
import { addCounter, addGauge, Registry } from "../../../core/runtime/metrics.ts";

test("values are read when they are asked for, and not added up", async () => {
  const registry = new Registry();
  let value = 3;
  addCounter(registry, { name: "things_total", help: "Things.", read: () => value });
  addGauge(registry, {
    name: "level",
    help: "Level.",
    labelNames: ["port"],
    read: () => [
      { labels: { port: "0" }, value },
      { labels: { port: "1" }, value: -value },
    ],
  });
  await registry.metrics();
  value = 5;
  const text = await registry.metrics();
  expect(text).toContain("\nthings_total 5\n");
  expect(text).toContain('\nlevel{port="0"} 5\n');
  expect(text).toContain('\nlevel{port="1"} -5\n');
});
