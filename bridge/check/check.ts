/**
 * `veilmq bridge check`: everything that can be seen to be wrong before a bridge runs, or while it does, all at once. It
 * changes nothing, and needs no running bridge.
 */
import { access, constants } from "node:fs/promises";
import { isVeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { buildCluster, readLogins } from "../cluster.ts";
import type { BridgeConfig } from "../config.ts";
import { checkFiles } from "./files.ts";
import { type Finding, failure, ok } from "./finding.ts";
import { readHeads } from "./heads.ts";
import { checkKafka } from "./kafka.ts";
import { checkZooKeeper } from "./zookeeper.ts";

/** Throws nothing that a finding can say. */
export async function checkBridge(config: BridgeConfig, log: Logger): Promise<Finding[]> {
  const files = await checkFiles(config, Date.now());
  const folder = await checkStateDir(config.stateDir);
  return [...files, ...folder, ...(await checkServers(config, log))];
}

async function checkStateDir(path: string): Promise<Finding[]> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return [ok("stateDir", `${path} can be written to`)];
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    if (isMissing) return [ok("stateDir", `${path} will be made`)];
    return [failure("stateDir", `${path} cannot be written to by this user`)];
  }
}

async function checkServers(config: BridgeConfig, log: Logger): Promise<readonly Finding[]> {
  const secrets = await readLogins(config).catch((error: unknown) => {
    // Told of as a file already: without it nobody can log in.
    if (isVeilError(error)) return null;
    throw error;
  });
  if (!secrets) return [];
  const { zookeeper, brokers, leaders, admin, inspection } = buildCluster({ config, log, secrets });
  try {
    await zookeeper.start();
    await brokers.start();
    const findings = await Promise.all([
      checkZooKeeper(config, zookeeper),
      checkKafka({
        config: config.kafka,
        ...{ admin, inspection },
        tenants: () => readHeads(config, zookeeper),
      }),
    ]);
    return findings.flat();
  } finally {
    await Promise.all([inspection.stop(), admin.stop(), leaders.stop()]);
    await brokers.stop();
    await zookeeper.stop();
  }
}
