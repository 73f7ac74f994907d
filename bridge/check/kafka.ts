/** Kafka as a bridge finds it: reachable, and set so that what is acknowledged stays (PROTOCOL.md §3, "In Kafka"). */
import type { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { KafkaInspection } from "../../core/ports/kafka/inspection.ts";
import type { KafkaConfig } from "../config/kafka.ts";
import { MAX_REPLICAS } from "../store/replication.ts";
import { type Finding, ok, orFailure, warning } from "./finding.ts";
import { principalOf } from "./principal.ts";
import { checkTopics, type TopicsCheckOptions } from "./topics.ts";

const PREFIX = "veil-";
const LISTED = "does one of kafka.brokers run, and may this machine reach it?";
const FOUND =
  "its brokers are those that have registered in ZooKeeper; where they have none (KRaft), name them in kafka.brokers";

export interface KafkaCheckOptions extends Pick<TopicsCheckOptions, "tenants"> {
  readonly config: KafkaConfig;
  readonly admin: Pick<KafkaAdmin, "describeCluster">;
  readonly inspection: KafkaInspection;
}

export async function checkKafka(options: KafkaCheckOptions): Promise<readonly Finding[]> {
  const look = async (): Promise<readonly Finding[]> => {
    const { brokers } = await options.admin.describeCluster();
    const findings = await Promise.all([
      checkSize(brokers),
      orFailure("kafka brokers", () => checkBrokers(options)),
      orFailure("kafka topics", () => checkTopics({ ...options, brokers: brokers.length })),
      orFailure("kafka acls", () => checkAcls(options)),
    ]);
    return findings.flat();
  };
  return orFailure("kafka", look, options.config.brokers ? LISTED : FOUND);
}

async function checkSize(brokers: readonly string[]): Promise<readonly Finding[]> {
  const count = brokers.length;
  if (count >= MAX_REPLICAS) return [ok("kafka", `${count} brokers`)];
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

/** Only bridges may change topics (PROTOCOL.md §4, "Kafka access"). */
async function checkAcls({ config, inspection }: KafkaCheckOptions): Promise<readonly Finding[]> {
  const acls = await inspection.changingAcls();
  const hint = 'docs/operations.md, "Kafka\'s ACLs"';
  if (acls === null)
    return [warning("kafka acls", "Kafka has none: whoever reaches a broker may write", hint)];
  const own = await principalOf(config);
  const strangers = acls.filter(
    ({ principal, resource, isPrefix }) => principal !== own && touches(resource, isPrefix),
  );
  if (strangers.length === 0) return [ok("kafka acls", "only this login may change topics")];
  return strangers.map(({ principal, operation, resource }) =>
    warning(
      "kafka acls",
      `${principal} has ${operation} on ${resource}, and this bridge is ${own ?? "nobody by name"}`,
      hint,
    ),
  );
}

function touches(resource: string, isPrefix: boolean): boolean {
  if (resource === "*" || resource.startsWith(PREFIX)) return true;
  return isPrefix && PREFIX.startsWith(resource);
}
