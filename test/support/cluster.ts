/** The addresses of the cluster that `global-setup.ts` started: shared, so use fresh names and leave no mess. */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    readonly zookeeper: string;
    readonly brokers: readonly string[];
  }
}

/** ZooKeeper and the three brokers, as `host:port`. */
export function sharedCluster(): { zookeeper: string; brokers: readonly string[] } {
  return { zookeeper: inject("zookeeper"), brokers: inject("brokers") };
}

/** A name that no other test uses, for a topic, a group or a node. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(8).toString("hex")}`;
}
