/** Starts one Kafka of three brokers and its ZooKeeper for all tests of the `stack` project, if any of them runs. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startCluster } from "../../demo/cluster/cluster.ts";
import { removeAtExit } from "./remove-at-exit.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), "veilmq-stack-"));
  const callOff = removeAtExit(dir);
  const onProgress = (line: string): void => console.error(`stack: ${line}`);
  const cluster = await startCluster({ dir, brokers: 3, onProgress }).catch((error: unknown) => {
    // Its servers' logs say why.
    callOff();
    throw error;
  });
  project.provide("zookeeper", cluster.zookeeper);
  project.provide("brokers", cluster.brokers);
  project.provide("clusterFolder", dir);
  return async () => {
    await cluster.stop();
    await rm(dir, { recursive: true, force: true });
    callOff();
  };
}
