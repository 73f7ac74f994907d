/** How to reach a Kafka cluster: shared by everything in this folder that opens connections. */
import type { logCreator } from "kafkajs";
import type { Logger } from "pino";
import { VeilError } from "../../errors.ts";
import {
  createBroker,
  createKafkajsLogger,
  type KafkajsBroker,
  type KafkajsLogger,
} from "./kafkajs.ts";
import type { KafkaSecurity } from "./security.ts";

/** The same for every client: Kafka learns nothing from it (PROTOCOL.md §3). */
const CLIENT_ID = "veilmq";
/** kafkajs counts its log levels down: errors are 1. */
const WARN = 2;
const DEFAULT_CONNECTION_TIMEOUT_MS = 3000;
const DEFAULT_REQUEST_TIMEOUT_MS = 5000;

export interface KafkaOptions {
  /** Addresses to start from, `host:port` or `[v6]:port`; asked again whenever no known broker answers. */
  readonly brokers: () => Promise<readonly string[]>;
  readonly log: Logger;
  /** TLS and login, asked for each connection anew; plaintext without it. */
  readonly security?: () => KafkaSecurity;
  readonly connectionTimeoutMs?: number;
  /** For one request, beyond the time that the broker itself is allowed to take. */
  readonly requestTimeoutMs?: number;
}

/** A description of the cluster; opens nothing itself. */
export interface Kafka {
  readonly seeds: () => Promise<readonly string[]>;
  readonly log: Logger;
  readonly requestTimeoutMs: number;
  /** A broker at this address, not connected yet. */
  createBroker(host: string, port: number): KafkajsBroker;
}

export function createKafka(options: KafkaOptions): Kafka {
  const { log, security = (): KafkaSecurity => ({}) } = options;
  const requestTimeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const logger = kafkajsLogger(log);
  return {
    seeds: options.brokers,
    log,
    requestTimeoutMs,
    createBroker: (host, port) => {
      const { ssl = null, sasl = null } = security();
      return createBroker({
        host,
        port,
        ssl,
        sasl,
        logger,
        clientId: CLIENT_ID,
        connectionTimeout: options.connectionTimeoutMs ?? DEFAULT_CONNECTION_TIMEOUT_MS,
        requestTimeout: requestTimeoutMs,
      });
    },
  };
}

/** Splits `host:port`; the host may be an IPv6 literal in brackets. Throws CONFIG. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw new VeilError("CONFIG", "a Kafka broker address is not host:port");
  return { host, port };
}

/**
 * kafkajs reports every failed attempt as an error, and so would a daemon that waits for its Kafka, all night.
 * Whoever made the attempt gets the same error and decides what it is worth: here it is debug. Of the fields
 * only the broker is kept: others hold topics, groups and payloads.
 */
function kafkajsLogger(log: Logger): KafkajsLogger {
  const isVerbose = log.isLevelEnabled("trace");
  const create: logCreator =
    () =>
    ({ namespace, level, log: entry }) => {
      const fields = { part: `kafkajs/${namespace}`, broker: entry["broker"] };
      if (level > WARN) log.trace(fields, entry.message);
      else log.debug(fields, entry.message);
    };
  return createKafkajsLogger(create, isVerbose);
}
