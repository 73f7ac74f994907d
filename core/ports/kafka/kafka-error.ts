/** kafkajs's errors and Kafka's error codes as VeilErrors: which may be tried again, and which may not. */
import { type ErrorCode, isVeilError, VeilError } from "../../errors.ts";
import { createErrorFromCode } from "./kafkajs.ts";

/** Kafka's code for an offset that a partition does not have. */
export const OFFSET_OUT_OF_RANGE = 1;
/** … and for a topic or partition that it does not have. */
export const UNKNOWN_TOPIC = 3;

/** Kafka's protocol errors by name; what is not here is UNAVAILABLE where Kafka calls it retriable. */
const BY_TYPE: Readonly<Record<string, ErrorCode>> = {
  MESSAGE_TOO_LARGE: "TOO_LARGE",
  RECORD_LIST_TOO_LARGE: "TOO_LARGE",
  INVALID_RECORD: "BAD_ARGUMENT",
  UNKNOWN_TOPIC_OR_PARTITION: "NOT_FOUND",
  INVALID_TOPIC_EXCEPTION: "BAD_ARGUMENT",
  INVALID_CONFIG: "CONFIG",
  INVALID_PARTITIONS: "CONFIG",
  POLICY_VIOLATION: "CONFIG",
  // Fewer brokers are up than the topic wants replicas.
  INVALID_REPLICATION_FACTOR: "UNAVAILABLE",
  REQUEST_TIMED_OUT: "TIMEOUT",
  TOPIC_AUTHORIZATION_FAILED: "AUTH",
  GROUP_AUTHORIZATION_FAILED: "AUTH",
  CLUSTER_AUTHORIZATION_FAILED: "AUTH",
  SASL_AUTHENTICATION_FAILED: "AUTH",
  UNSUPPORTED_SASL_MECHANISM: "AUTH",
};

const BY_NAME: Readonly<Record<string, ErrorCode>> = {
  KafkaJSConnectionError: "DISCONNECTED",
  KafkaJSConnectionClosedError: "DISCONNECTED",
  KafkaJSRequestTimeoutError: "TIMEOUT",
  KafkaJSLockTimeout: "TIMEOUT",
  KafkaJSSASLAuthenticationError: "AUTH",
};

/**
 * Our error for what kafkajs threw while doing `what`. The original is not kept as a cause: its message and
 * its fields may name topics and groups.
 */
export function toVeilError(error: unknown, what: string): VeilError {
  if (isVeilError(error)) return error;
  const { name, type, reason, retriable } = describe(innermost(error));
  const code = BY_TYPE[type] ?? BY_NAME[name] ?? (retriable ? "UNAVAILABLE" : "INTERNAL");
  return new VeilError(code, `${what}: ${[type || name, reason].join(" ").trimEnd()}`);
}

/** As `toVeilError` for an error code in a response; `undefined` for success. */
export function fromErrorCode(code: number, what: string): VeilError | undefined {
  return code === 0 ? undefined : toVeilError(createErrorFromCode(code), what);
}

/** kafkajs wraps: aggregates of one error per topic, and causes. */
function innermost(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ("errors" in error && Array.isArray(error.errors) && error.errors.length > 0)
    return innermost(error.errors[0]);
  return error.cause === undefined ? error : innermost(error.cause);
}

interface Described {
  readonly name: string;
  readonly type: string;
  /** The system's own word, such as ECONNREFUSED. */
  readonly reason: string;
  readonly retriable: boolean;
}

function describe(error: unknown): Described {
  if (!(error instanceof Error))
    return { name: typeof error, type: "", reason: "", retriable: false };
  const text = (field: "type" | "code"): string => {
    const value: unknown = Reflect.get(error, field);
    return typeof value === "string" ? value : "";
  };
  const retriable = "retriable" in error && error.retriable === true;
  return { name: error.name, type: text("type"), reason: text("code"), retriable };
}
