/**
 * The rules of delivery (PROTOCOL.md §3 and §5) against a model: the real intake, sealer, uplink, ingress, writer,
 * receiver and checkpoint, over a network, a Kafka and a registry that are played. Two devices, two bridges, two
 * topics, one consumer; fast-check's scheduler says what happens next, and prints the seed of what goes wrong.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { test, vi } from "vitest";
import { FATES, type Fate } from "./delivery/kafka.ts";
import { type Act, type Plan, Play } from "./delivery/play.ts";
import { virtualTime } from "./delivery/stage.ts";
import { DEVICES, TOPICS } from "./delivery/tenant.ts";

const RUNS = 40;

vi.mock("node:timers/promises", async () => {
  const { virtualSleep } = await import("./delivery/stage.ts");
  return { setTimeout: virtualSleep };
});
vi.mock("../../core/ports/mqtt/server.ts", async () => {
  const { Network } = await import("./delivery/network.ts");
  return { startMqttServer: async (options: never) => Network.current?.listen(options) };
});
vi.mock("../../core/ports/mqtt/client.ts", async () => {
  const { Network } = await import("./delivery/network.ts");
  return { connectMqtt: (options: never) => Network.current?.connect(options) };
});
/** Small: to make room for a hundred thousand of something takes longer than a play. */
vi.mock("lru-cache", async (importOriginal) => {
  const { LRUCache } = await importOriginal<typeof import("lru-cache")>();
  return {
    LRUCache: class extends LRUCache<string, object> {
      constructor(options: { max: number; ttl?: number }) {
        super({ ...options, max: 100 });
      }
    },
  };
});

const device = fc.nat({ max: DEVICES.length - 1 });
const topic = fc.nat({ max: TOPICS.length - 1 });
const act = (weight: number, arbitrary: fc.Arbitrary<Act>) => ({ weight, arbitrary });
const acts: fc.Arbitrary<Act> = fc.oneof(
  act(
    12,
    fc.record({
      ...{ do: fc.constant("read" as const), device, topic },
      ...{
        count: fc.integer({ min: 1, max: 15 }),
        poison: fc.nat({ max: 11 }).map((n) => n === 11),
      },
    }),
  ),
  act(4, fc.record({ do: fc.constant("cut" as const), device })),
  act(2, fc.record({ do: fc.constant("kill agent" as const), device })),
  act(2, fc.record({ do: fc.constant("kill bridge" as const), bridge: fc.nat({ max: 1 }) })),
  act(1, fc.constant({ do: "revoke a reader" as const })),
  act(
    2,
    fc.record({
      do: fc.constant("fail the output" as const),
      death: fc.constantFrom("before" as const, "torn" as const, "after" as const),
    }),
  ),
  act(1, fc.record({ do: fc.constant("kill the consumer" as const), power: fc.boolean() })),
  act(2, fc.record({ do: fc.constant("restart the consumer" as const), keepsState: fc.boolean() })),
);
const fate = fc.oneof(
  { weight: 2, arbitrary: fc.constant("confirmed" as const) },
  { weight: 3, arbitrary: fc.constantFrom(...FATES) },
);
/** Troubles last a while: several batches of a partition meet the same. */
const troubles = fc.record({ fate, batches: fc.integer({ min: 1, max: 4 }) });
const fates = fc
  .array(troubles, { maxLength: 20, size: "max" })
  .map((all) => all.flatMap((each) => new Array<Fate>(each.batches).fill(each.fate)));
const plans: fc.Arbitrary<Plan> = fc.record({
  acts: fc.array(acts, { minLength: 5, maxLength: 40, size: "max" }),
  fates: fc.tuple(fates, fates),
  registry: fc.array(fc.constantFrom("before" as const, "after" as const), { maxLength: 3 }),
  fetch: fc.integer({ min: 1, max: 9 }),
});

test("what is taken is delivered once and in order, whatever happens on the way", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), plans, fc.nat(), async (scheduler, plan, chance) => {
      const folder = await mkdtemp(join(tmpdir(), "veilmq-play-"));
      const time = virtualTime(chance);
      try {
        const play = new Play({ scheduler, plan, folder });
        await play.perform();
        await play.check();
      } finally {
        time.end();
        await rm(folder, { recursive: true });
      }
    }),
    { numRuns: RUNS },
  );
});
