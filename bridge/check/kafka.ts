/** Kafka as a bridge finds it: reachable, and set so that what is acknowledged stays (PROTOCOL.md §3, "In Kafka"). */
import type { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { KafkaInspection, ListedTopic } from "../../core/ports/kafka/inspection.ts";
import type { KafkaConfig } from "../config/kafka.ts";
import { type Finding, ok, orFailure, warning } from "./finding.ts";

const PREFIX = "veil-";
const INTERNAL_PREFIX = "veil-i-";
const REPLICAS = 3;
const MIN_IN_SYNC = 2;

export interface KafkaCheckOptions {
  readonly config: KafkaConfig;
  readonly admin: Pick<KafkaAdmin, "describeCluster">;
  readonly inspection: KafkaInspection;
}

export async function checkKafka(options: KafkaCheckOptions): Promise<readonly Finding[]> {
  return orFailure("kafka", async () => {
    const { brokers } = await options.admin.describeCluster();
    const findings = await Promise.all([
      checkSize(brokers),
      orFailure("kafka brokers", () => checkBrokers(options)),
      orFailure("kafka topics", () => checkTopics(options.inspection, brokers.length)),
      orFailure("kafka acls", () => checkAcls(options)),
    ]);
    return findings.flat();
  });
}

async function checkSize(brokers: readonly string[]): Promise<readonly Finding[]> {
  const count = brokers.length;
  if (count >= REPLICAS) return [ok("kafka", `${count} brokers`)];
  const message = `${count} broker(s): what is acknowledged is kept ${count} time(s)`;
  return [warning("kafka", message, "three brokers or more keep every record three times")];
}

async function checkBrokers({ inspection }: KafkaCheckOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [broker, config] of await inspection.brokerConfigs()) {
    const subject = `broker ${broker}`;
    if (config["auto.create.topics.enable"] === "true")
      findings.push(
        warning(
          subject,
          "makes topics by itself",
          "auto.create.topics.enable=false: bridges make them",
        ),
      );
    if (config["unclean.leader.election.enable"] === "true")
      findings.push(
        warning(
          subject,
          "elects leaders that lack records",
          "unclean.leader.election.enable=false",
        ),
      );
  }
  return findings;
}

async function checkTopics(
  inspection: KafkaInspection,
  brokers: number,
): Promise<readonly Finding[]> {
  const topics = await inspection.topics(PREFIX);
  const configs = await inspection.topicConfigs(topics.map(({ topic }) => topic));
  const weak = topics.flatMap((listed) =>
    weaknesses(listed, configs.get(listed.topic) ?? {}, Math.min(REPLICAS, brokers)),
  );
  return weak.length > 0
    ? weak
    : [ok("kafka topics", `${topics.length} topics, all as they should be`)];
}

function weaknesses(
  { topic, partitions }: ListedTopic,
  config: Readonly<Record<string, string>>,
  replicas: number,
): Finding[] {
  const found: string[] = [];
  const fewest = Math.min(...partitions.map((partition) => partition.replicas.length));
  const lagging = partitions.filter((p) => p.inSync.length < p.replicas.length).length;
  const minInSync = Number(config["min.insync.replicas"]);
  if (fewest < replicas) found.push(`${fewest} replica(s) where ${replicas} are possible`);
  if (fewest >= REPLICAS && minInSync < MIN_IN_SYNC)
    found.push(`min.insync.replicas=${minInSync}: an acknowledged record may be on one disk`);
  if (config["unclean.leader.election.enable"] === "true")
    found.push("unclean.leader.election.enable=true: acknowledged records may vanish");
  if (lagging > 0) found.push(`${lagging} partition(s) with replicas that lag`);
  const isInternal = topic.startsWith(INTERNAL_PREFIX);
  const policy = config["cleanup.policy"];
  if (isInternal && policy !== "compact")
    found.push(`cleanup.policy=${policy}: keys would be lost`);
  if (!isInternal && config["message.timestamp.type"] !== "LogAppendTime")
    found.push("message.timestamp.type is not LogAppendTime: retention trusts devices' clocks");
  const hint = "kafka-configs.sh --alter, kafka-reassign-partitions.sh; see docs/operations.md";
  return found.map((message) => warning(topic, message, hint));
}

/** Only bridges may change topics (PROTOCOL.md §4, "Kafka access"). */
async function checkAcls({ config, inspection }: KafkaCheckOptions): Promise<readonly Finding[]> {
  const acls = await inspection.changingAcls();
  const hint = 'docs/operations.md, "Kafka\'s ACLs"';
  if (acls === null)
    return [warning("kafka acls", "Kafka has none: whoever reaches a broker may write", hint)];
  const own = config.sasl && `User:${config.sasl.username}`;
  const strangers = acls.filter(
    ({ principal, resource, isPrefix }) => principal !== own && touches(resource, isPrefix),
  );
  if (strangers.length === 0) return [ok("kafka acls", "only this login may change topics")];
  return strangers.map(({ principal, operation, resource }) =>
    warning("kafka acls", `${principal} has ${operation} on ${resource}`, hint),
  );
}

function touches(resource: string, isPrefix: boolean): boolean {
  if (resource === "*" || resource.startsWith(PREFIX)) return true;
  return isPrefix && PREFIX.startsWith(resource);
}
