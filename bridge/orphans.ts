/**
 * Kafka topics that nobody may use any more: no client of any tenant here is granted their tag, whether it is revoked, the
 * grant was taken away, or its epoch is over. Kafka does not forget them by itself: their records go with their
 * retention, the empty topics stay.
 */
import { setImmediate as breathe } from "node:timers/promises";
import { VeilError } from "../core/errors.ts";
import type { KafkaInspection } from "../core/ports/kafka/inspection.ts";
import { INTERNAL_KIND } from "../core/wire/store.ts";
import type { Client, Directory } from "./directory/types.ts";
import { tagOfTopic } from "./http/topic-tag.ts";

const PREFIX = "veil-";
const INTERNAL_PREFIX = "veil-i-";
/** Clients looked through between two breaths of the event loop. */
const CLIENTS_AT_ONCE = 100;

export interface OrphansOptions {
  readonly inspection: Pick<KafkaInspection, "topics">;
  readonly directory: Pick<Directory, "tenant" | "ageMs"> & {
    clients(tenant: string): Iterable<Client>;
  };
  /** The tenants that are configured here. */
  readonly tenants: () => readonly string[];
  /** An older directory proves nothing. */
  readonly maxAgeMs: number;
}

export interface Orphans {
  readonly orphans: readonly { readonly topic: string; readonly partitions: number }[];
  /** Internal topics of tenants that this bridge does not know: their data topics look like orphans, too. */
  readonly strangers: number;
}

/** Throws UNAVAILABLE while a tenant's documents are not all here, and as Kafka does. */
export async function findOrphans(options: OrphansOptions): Promise<Orphans> {
  const { inspection, directory, tenants, maxAgeMs } = options;
  const names = tenants();
  if (names.some((name) => !directory.tenant(name) || directory.ageMs(name) > maxAgeMs))
    throw new VeilError("UNAVAILABLE", "not all tenants' documents are known here now", {
      hint: "every configured tenant needs its head imported, and ZooKeeper must be reachable",
    });
  const topics = await inspection.topics(PREFIX);
  const isInternal = ({ topic }: { topic: string }): boolean => topic.startsWith(INTERNAL_PREFIX);
  const own = new Set(names.flatMap((name) => internalTopics(directory.tenant(name))));
  const data = topics.filter((listed) => !isInternal(listed));
  const unused = new Map(data.flatMap((listed) => entryOf(listed)));
  for (const name of names) await dropGranted(unused, directory.clients(name));
  return {
    orphans: [...unused.values()],
    strangers: topics.filter((listed) => isInternal(listed) && !own.has(listed.topic)).length,
  };
}

function entryOf({
  topic,
  partitions,
}: {
  readonly topic: string;
  readonly partitions: readonly unknown[];
}): [string, { topic: string; partitions: number }][] {
  try {
    return [[tagOfTopic(topic).toString("hex"), { topic, partitions: partitions.length }]];
  } catch {
    // Somebody else's, by its name.
    return [];
  }
}

function internalTopics(tenant: ReturnType<Directory["tenant"]>): string[] {
  return Object.values(INTERNAL_KIND).flatMap((kind) => tenant?.store.topicName(kind) ?? []);
}

async function dropGranted(unused: Map<string, unknown>, clients: Iterable<Client>): Promise<void> {
  let looked = 0;
  for (const { status, grants } of clients) {
    if (status === "active") for (const hexTag of grants.keys()) unused.delete(hexTag);
    if (++looked % CLIENTS_AT_ONCE === 0) await breathe();
  }
}
