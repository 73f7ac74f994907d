/** The addresses of the cluster that `global-setup.ts` started: shared, so use fresh names and leave no mess. */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly zookeeper: string;
    readonly brokers: readonly string[];
    readonly clusterFolder: string;
  }
}

/** ZooKeeper and the three brokers, as `host:port`, and the folder with `zookeeper/` and `kafka-<id>/` in it. */
export function sharedCluster(): {
  zookeeper: string;
  brokers: readonly string[];
  folder: string;
} {
  return {
    zookeeper: inject("zookeeper"),
    brokers: inject("brokers"),
    folder: inject("clusterFolder"),
  };
}

/** A name that no other test uses, for a topic, a group or a node. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString("hex")}`;
}
