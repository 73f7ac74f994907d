/** Kafka's Metadata request, version 6: brokers, the controller, and the leaders of the topics asked for. */
import {
  Encoder,
  type KafkajsEncoder,
  type KafkajsProtocol,
  metadataResponseV6,
} from "./kafkajs.ts";

const API_KEY = 3;
const API_VERSION = 6;
/** The length of a list that is none. */
const ALL_TOPICS = -1;

export interface ClusterMetadata {
  readonly brokers: readonly { nodeId: number; host: string; port: number }[];
  /** -1 while there is none. */
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

export interface TopicMetadata {
  readonly topic: string;
  /** Kafka's error code for the whole topic; 0 is none. */
  readonly errorCode: number;
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly errorCode: number;
  readonly leader: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

/** Asks for `topics` alone, for none if it is empty, and never makes the broker create one. */
export function metadataProtocol(topics: readonly string[]): KafkajsProtocol<ClusterMetadata> {
  // Not kafkajs's encoder: it takes an empty list for "all topics".
  return protocolOf(() => new Encoder().writeArray(topics));
}

/** Asks for every topic in the cluster. */
export function allTopicsProtocol(): KafkajsProtocol<ClusterMetadata> {
  return protocolOf(() => new Encoder().writeInt32(ALL_TOPICS));
}

function protocolOf(names: () => KafkajsEncoder): KafkajsProtocol<ClusterMetadata> {
  return {
    request: {
      apiKey: API_KEY,
      apiVersion: API_VERSION,
      apiName: "Metadata",
      encode: async () => names().writeBoolean(false),
    },
    response: { decode, parse: async (metadata) => metadata },
  };
}

async function decode(payload: Buffer): Promise<ClusterMetadata> {
  const { brokers, controllerId, topicMetadata } = await metadataResponseV6.decode(payload);
  const topics = topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => ({
    topic,
    errorCode: topicErrorCode,
    partitions: partitionMetadata.map((entry) => ({
      partition: entry.partitionId,
      errorCode: entry.partitionErrorCode,
      leader: entry.leader,
      replicas: entry.replicas,
      inSync: entry.isr,
    })),
  }));
  return { brokers, controllerId, topics };
}
