/**
 * The topics of bridges as they are in Kafka, held against PROTOCOL.md §3 and §4 and the heads of the tenants. Weaker
 * settings are errors: what is acknowledged would not stay.
 */
import type { KafkaInspection, ListedTopic } from "../../core/ports/kafka/inspection.ts";
import { MAX_BATCH_BYTES } from "../../core/ports/kafka/producer.ts";
import { INTERNAL_KIND } from "../../core/wire/store.ts";
import type { KafkaConfig } from "../config/kafka.ts";
import type { Tenant } from "../directory/types.ts";
import { tagOfTopic } from "../http/topic-tag.ts";
import { BATCH_SETTINGS } from "../store/batches.ts";
import { MAX_REPLICAS } from "../store/replication.ts";
import { type Finding, failure, ok, warning } from "./finding.ts";

const PREFIX = "veil-";
const INTERNAL_PREFIX = "veil-i-";
const MIN_IN_SYNC = 2;
/** As it came: bridges do not compress. */
const UNCOMPRESSED = BATCH_SETTINGS["compression.type"];
const HINT = "kafka-configs.sh --alter, kafka-reassign-partitions.sh; see docs/operations.md";

type Config = Readonly<Record<string, string>>;

export interface TopicsCheckOptions {
  readonly config: Pick<KafkaConfig, "replication">;
  readonly inspection: Pick<KafkaInspection, "topics" | "topicConfigs">;
  /** Those of the configuration; `null` where not all of their heads can be read. */
  readonly tenants: () => Promise<readonly Tenant[] | null>;
  /** How many are up. */
  readonly brokers: number;
}

interface Look {
  readonly listed: ListedTopic;
  readonly config: Config;
  /** On how many brokers it should be. */
  readonly replicas: number;
  /** What the tenants' heads say; `null` where topics may be of tenants that are not known here. */
  readonly wanted: readonly Tenant["kafka"][] | null;
}

export async function checkTopics({
  config,
  inspection,
  tenants,
  brokers,
}: TopicsCheckOptions): Promise<readonly Finding[]> {
  const topics = (await inspection.topics(PREFIX)).filter(isOfBridges);
  const configs = await inspection.topicConfigs(topics.map(({ topic }) => topic));
  const wanted = wantedOf(topics, await tenants());
  const replicas = config.replication ?? Math.min(MAX_REPLICAS, Math.max(brokers, seenIn(topics)));
  const findings = topics.flatMap((listed) =>
    weaknesses({ listed, config: configs.get(listed.topic) ?? {}, replicas, wanted }),
  );
  if (findings.length > 0) return findings;
  return [ok("kafka topics", `${topics.length} topics, all as they should be`)];
}

function isOfBridges({ topic }: ListedTopic): boolean {
  return isInternal(topic) || isData(topic);
}

function isInternal(topic: string): boolean {
  return topic.startsWith(INTERNAL_PREFIX);
}

function isData(topic: string): boolean {
  try {
    tagOfTopic(topic);
    return true;
  } catch {
    return false;
  }
}

/** A data topic does not tell whose it is. Only where all tenants are known it has to be of one of them. */
function wantedOf(
  topics: readonly ListedTopic[],
  tenants: readonly Tenant[] | null,
): Look["wanted"] {
  if (!tenants) return null;
  const own = new Set(
    tenants.flatMap(({ store }) =>
      Object.values(INTERNAL_KIND).map((kind) => store.topicName(kind)),
    ),
  );
  const isStrange = ({ topic }: ListedTopic): boolean => isInternal(topic) && !own.has(topic);
  return topics.some(isStrange) ? null : tenants.map(({ kafka }) => kafka);
}

/** Brokers that are down now still have replicas. */
function seenIn(topics: readonly ListedTopic[]): number {
  return new Set(topics.flatMap(({ partitions }) => partitions.flatMap((p) => p.replicas))).size;
}

function weaknesses(look: Look): Finding[] {
  const { topic, partitions } = look.listed;
  const weak = [
    ...durability(look),
    ...batches(look),
    ...(isInternal(topic) ? internalSettings(look) : dataSettings(look)),
  ];
  const lagging = partitions.filter((p) => p.inSync.length < p.replicas.length).length;
  return [
    ...weak.map((message) => failure(topic, message, HINT)),
    ...(lagging > 0 ? [warning(topic, `${lagging} partition(s) with replicas that lag`)] : []),
    ...longerThanWanted(look),
  ];
}

function durability({ listed: { partitions }, config, replicas }: Look): string[] {
  const found: string[] = [];
  const fewest = Math.min(...partitions.map((partition) => partition.replicas.length));
  const minInSync = Number(config["min.insync.replicas"]);
  if (fewest < replicas) found.push(`${fewest} replica(s) where there should be ${replicas}`);
  if (fewest >= MAX_REPLICAS && minInSync < MIN_IN_SYNC)
    found.push(`min.insync.replicas=${minInSync}: an acknowledged record may be on one disk`);
  if (config["unclean.leader.election.enable"] === "true")
    found.push("unclean.leader.election.enable=true: acknowledged records may vanish");
  return found;
}

function batches({ config }: Look): string[] {
  const found: string[] = [];
  const { "compression.type": compression = UNCOMPRESSED } = config;
  if (compression !== UNCOMPRESSED && compression !== "uncompressed")
    found.push(
      `compression.type=${compression}: nobody could read it, since nothing here inflates`,
    );
  if (Number(config["max.message.bytes"] ?? Infinity) < MAX_BATCH_BYTES)
    found.push(`max.message.bytes=${config["max.message.bytes"]}: full batches would be refused`);
  return found;
}

function internalSettings({ listed: { partitions }, config }: Look): string[] {
  const found: string[] = [];
  const policy = config["cleanup.policy"];
  if (policy !== "compact") found.push(`cleanup.policy=${policy}: keys would be lost`);
  if (partitions.length !== 1) found.push(`${partitions.length} partitions: there is one order`);
  return found;
}

function dataSettings({ listed: { partitions }, config, wanted }: Look): string[] {
  const found: string[] = [];
  const policy = config["cleanup.policy"];
  if (policy !== "delete") found.push(`cleanup.policy=${policy}: readings would be lost`);
  if (config["message.timestamp.type"] !== "LogAppendTime")
    found.push("message.timestamp.type is not LogAppendTime: retention trusts devices' clocks");
  if (Number(config["retention.bytes"] ?? "-1") >= 0)
    found.push("retention.bytes is set: readings go before their time");
  if (!wanted) return found;
  const count = partitions.length;
  if (!wanted.some((kafka) => kafka.partitions === count))
    found.push(`${count} partition(s), which no tenant's head says: its order is void`);
  const retentionMs = retentionOf(config);
  const shortest = Math.min(...wanted.map((kafka) => kafka.retentionMs));
  if (retentionMs < shortest)
    found.push(`retention.ms=${retentionMs} is shorter than the tenant's ${shortest}`);
  return found;
}

function longerThanWanted({ listed: { topic }, config, wanted }: Look): Finding[] {
  if (!wanted || isInternal(topic)) return [];
  const longest = Math.max(...wanted.map((kafka) => kafka.retentionMs));
  if (retentionOf(config) <= longest) return [];
  const message = `retention.ms=${config["retention.ms"]}: readings stay longer than the tenant's ${longest}`;
  return [warning(topic, message, HINT)];
}

function retentionOf(config: Config): number {
  const retentionMs = Number(config["retention.ms"] ?? "-1");
  return retentionMs >= 0 ? retentionMs : Number.POSITIVE_INFINITY;
}
