/** Every benchmark there is. */
import { agentBenchmark } from "./agent/agent.ts";
import { bridgeBenchmark } from "./bridge/bridge.ts";
import { consumerBenchmark } from "./consumer/consumer.ts";
import { dashboardBenchmark } from "./dashboard/dashboard.ts";
import type { Benchmark } from "./framework/benchmark.ts";
import { hostileBenchmark } from "./hostile/hostile.ts";
import { kmsBenchmark } from "./kms/kms.ts";
import { reconnectBenchmark } from "./reconnect/reconnect.ts";
import { revocationBenchmark } from "./revocation/revocation.ts";
import { schemeBenchmark } from "./scheme/scheme.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  schemeBenchmark,
  revocationBenchmark,
  bridgeBenchmark,
  agentBenchmark,
  hostileBenchmark,
  reconnectBenchmark,
  consumerBenchmark,
  dashboardBenchmark,
  kmsBenchmark,
];
