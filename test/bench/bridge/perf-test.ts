/** Kafka's own `kafka-producer-perf-test`: what a Java producer reaches on this machine, with acks=all. */
import { execFile } from "node:child_process";
import { delimiter } from "node:path";
import { promisify } from "node:util";
import { VeilError } from "../../../core/errors.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import { resolveClasspath } from "../../../demo/cluster/classpath.ts";

const run = promisify(execFile);
const POM = packageFile("test", "bench", "bridge", "kafka-tools.xml");
const MAIN = "org.apache.kafka.tools.ProducerPerformance";
/** `1000000 records sent, 250000.0 records/sec (47.68 MB/sec), …` */
const RATE = /records sent, ([\d.]+) records\/sec/g;

export interface PerfTest {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly size: number;
  readonly records: number;
  readonly signal: AbortSignal;
}

/** Messages a second, over the whole run, by the tool's own account. */
export async function perfTest({
  brokers,
  topic,
  size,
  records,
  signal,
}: PerfTest): Promise<number> {
  const classpath = await Promise.all([
    resolveClasspath({ signal }),
    resolveClasspath({ signal, pom: POM }),
  ]);
  const { stdout } = await run(
    "java",
    [
      ...["-Xmx256m", "-cp", classpath.join(delimiter), MAIN],
      ...["--topic", topic, "--num-records", String(records), "--record-size", String(size)],
      ...["--throughput", "-1", "--producer-props", `bootstrap.servers=${brokers.join(",")}`],
      // As its defaults, but acks=all written out and no idempotence, which the bridge does not have either.
      ...["acks=all", "enable.idempotence=false"],
    ],
    { signal },
  );
  const rate = [...stdout.matchAll(RATE)].at(-1)?.[1];
  if (rate === undefined) throw new VeilError("INTERNAL", "kafka-producer-perf-test gave no rate");
  return Number(rate);
}
