/**
 * The parts of kafkajs that this port stands on: its connections, authentication and protocol codecs.
 * Its Producer, Consumer and Admin are not used; docs/decisions/002-kafkajs-internals.md says why.
 * They live below `kafkajs/src`, which is private: hence the exact version, checked when this file loads.
 */
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { logCreator } from "kafkajs";
import { VeilError } from "../../errors.ts";
import { writeHeadersInFront } from "./header-room.ts";
import { stopIdleWakeups } from "./idle-wakeups.ts";

const KAFKAJS_VERSION = "2.2.4";
/** kafkajs's log levels. */
const WARN = 2;
const DEBUG = 5;
/** As few as an encoder of kafkajs can begin with. */
const NO_BYTES = 1;

export interface KafkajsEncoder {
  readonly buffer: Buffer;
  writeInt32(value: number): KafkajsEncoder;
  writeBoolean(value: boolean): KafkajsEncoder;
  writeArray(values: readonly string[]): KafkajsEncoder;
}

export interface KafkajsRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  encode(): Promise<KafkajsEncoder>;
}

/** One request and how to read its answer. kafkajs decodes first and calls `parse` with the result. */
export interface KafkajsProtocol<Decoded, Parsed = Decoded> {
  readonly request: KafkajsRequest;
  readonly response: {
    decode(payload: Buffer): Promise<Decoded>;
    parse(decoded: Decoded): Promise<Parsed>;
  };
  /** Counts only where it is longer than the connection's own. */
  readonly requestTimeout?: number;
}

export type KafkajsSocket = Pick<Socket, "destroy" | "destroyed" | "readableEnded">;

interface KafkajsConnection {
  readonly socket?: KafkajsSocket;
  isConnected(): boolean;
  /** Where it is not done, or its time is over. */
  authenticate(): Promise<void>;
  disconnect(): Promise<unknown>;
  rejectRequests(error: Error): void;
}

/** Two connections to one broker: one for fetches, one for everything else. */
export interface KafkajsConnectionPool {
  readonly pool: readonly KafkajsConnection[];
  getConnection(index: number): Promise<KafkajsConnection>;
  send<Decoded, Parsed>(protocol: KafkajsProtocol<Decoded, Parsed>): Promise<Parsed>;
}

export interface TopicPartitions<Entry> {
  readonly topic: string;
  readonly partitions: readonly Entry[];
}

/** What we call of a kafkajs broker: each is one request, without retries. */
export interface KafkajsBroker {
  readonly connectionPool: KafkajsConnectionPool;
  connect(): Promise<void>;
  createTopics(options: {
    topics: readonly {
      topic: string;
      numPartitions: number;
      replicationFactor: number;
      configEntries: readonly { name: string; value: string }[];
    }[];
    timeout: number;
  }): Promise<unknown>;
  deleteTopics(options: { topics: readonly string[]; timeout: number }): Promise<unknown>;
  describeConfigs(options: { resources: readonly { type: number; name: string }[] }): Promise<{
    resources: {
      errorCode: number;
      resourceName: string;
      configEntries: { configName: string; configValue: string | null }[];
    }[];
  }>;
  describeAcls(filter: {
    resourceType: number;
    resourceName: string | null;
    resourcePatternType: number;
    principal: string | null;
    host: string | null;
    operation: number;
    permissionType: number;
  }): Promise<{
    resources: {
      resourceName: string;
      resourcePatternType: number;
      acls: { principal: string; operation: number }[];
    }[];
  }>;
  listOffsets(options: {
    isolationLevel: number;
    topics: readonly TopicPartitions<{ partition: number; timestamp: number }>[];
  }): Promise<{ responses: TopicPartitions<{ partition: number; offset: string }>[] }>;
  findGroupCoordinator(options: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: number; host: string; port: number } }>;
  offsetCommit(options: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly TopicPartitions<{ partition: number; offset: string }>[];
  }): Promise<unknown>;
  offsetFetch(options: {
    groupId: string;
    topics: readonly TopicPartitions<{ partition: number }>[];
  }): Promise<{ responses: TopicPartitions<{ partition: number; offset: string }>[] }>;
}

export interface KafkajsLogger {
  namespace(name: string): KafkajsLogger;
}

/** SASL, as kafkajs has it; the password never reaches a log. */
export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

export interface ConnectionPoolOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  readonly ssl: ConnectionOptions | null;
  readonly sasl: KafkaSasl | null;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly logger: KafkajsLogger;
}

interface Modules {
  readonly createLogger: (options: { level: number; logCreator: logCreator }) => KafkajsLogger;
  readonly Broker: new (options: {
    connectionPool: KafkajsConnectionPool;
    logger: KafkajsLogger;
    allowAutoTopicCreation: false;
  }) => KafkajsBroker;
  readonly ConnectionPool: new (
    options: ConnectionPoolOptions & { socketFactory: unknown; enforceRequestTimeout: true },
  ) => KafkajsConnectionPool;
  readonly Encoder: new (initialBytes?: number) => KafkajsEncoder;
}

const load = createRequire(import.meta.url);
const { version }: { version: string } = load("kafkajs/package.json");
if (version !== KAFKAJS_VERSION)
  throw new VeilError("INTERNAL", `kafkajs ${version} is not ${KAFKAJS_VERSION}`, {
    hint: "core/ports/kafka uses private parts of kafkajs: check them before changing the version",
  });
stopIdleWakeups(load("kafkajs/src/network/requestQueue"));

const { createLogger }: Pick<Modules, "createLogger"> = load("kafkajs/src/loggers");
const Broker: Modules["Broker"] = load("kafkajs/src/broker");
const ConnectionPool: Modules["ConnectionPool"] = load("kafkajs/src/network/connectionPool");
const createSocketFactory: () => unknown = load("kafkajs/src/network/socketFactory");

/** An empty request body to write to. */
export const Encoder: Modules["Encoder"] = load("kafkajs/src/protocol/encoder");
writeHeadersInFront(Encoder);

/** A request body that is written already, and has `room` bytes of its memory free before it for the request's header. */
export function encoderOf(body: Buffer, room: number): KafkajsEncoder {
  return Object.assign(new Encoder(NO_BYTES), { buf: body, offset: body.length, room });
}

interface ResponseDecoder<Decoded> {
  decode(payload: Buffer): Promise<Decoded>;
}

/** As the broker sent it; kafkajs's own `parse` would throw at the first topic with an error. */
export const metadataResponseV6: ResponseDecoder<{
  brokers: { nodeId: number; host: string; port: number }[];
  controllerId: number;
  topicMetadata: {
    topicErrorCode: number;
    topic: string;
    partitionMetadata: {
      partitionErrorCode: number;
      partitionId: number;
      leader: number;
      isr: number[];
      replicas: number[];
    }[];
  }[];
}> = load("kafkajs/src/protocol/requests/metadata/v6/response");

/** The error that Kafka's protocol gives a number (0 is success). */
export const { createErrorFromCode }: { createErrorFromCode: (code: number) => Error } = load(
  "kafkajs/src/protocol/error",
);

export const produceResponseV7: ResponseDecoder<{
  topics: {
    topicName: string;
    partitions: { partition: number; errorCode: number; baseOffset: string }[];
  }[];
}> = load("kafkajs/src/protocol/requests/produce/v7/response");

/** Topics and partitions are sent in the order given. The answer is ours to read: fetch-protocol.ts. */
export const fetchRequestV11: (options: {
  replicaId: number;
  isolationLevel: number;
  maxWaitTime: number;
  minBytes: number;
  maxBytes: number;
  topics: readonly TopicPartitions<{
    partition: number;
    fetchOffset: string;
    maxBytes: number;
  }>[];
}) => KafkajsRequest = load("kafkajs/src/protocol/requests/fetch/v11/request");

/** A broker that is not connected yet. */
export function createBroker(options: ConnectionPoolOptions): KafkajsBroker {
  const connectionPool = new ConnectionPool({
    ...options,
    socketFactory: createSocketFactory(),
    enforceRequestTimeout: true,
  });
  return new Broker({ connectionPool, logger: options.logger, allowAutoTopicCreation: false });
}

/** Debug entries are many and are made even if nobody wants them: hence `isVerbose`. */
export function createKafkajsLogger(create: logCreator, isVerbose: boolean): KafkajsLogger {
  return createLogger({ level: isVerbose ? DEBUG : WARN, logCreator: create });
}
