/**
 * The one error class and the closed list of its codes (PROTOCOL.md §7).
 * Every folder may import this file; it imports nothing.
 */

/** `true` where trying the same thing again may succeed without anybody changing anything. */
const RETRYABLE = {
  // Refusals that the bridge sends to a device (PROTOCOL.md §5).
  NO_GRANT: false,
  BAD_TOKEN: false,
  BAD_RECORD: false,
  TOO_LARGE: false,
  EPOCH: false,
  REVOKED: false,
  LIMIT: true,
  // Values and documents.
  BAD_ARGUMENT: false,
  BAD_DOCUMENT: false,
  BAD_CREDENTIAL: false,
  ROLLED_BACK: false,
  // Opening a record at the consumer.
  BAD_KEY: false,
  // The outside world.
  CONFIG: false,
  SECRET_FILE: false,
  AUTH: false,
  NOT_FOUND: false,
  CONFLICT: true,
  UNAVAILABLE: true,
  TIMEOUT: true,
  DISCONNECTED: true,
  DISK: true,
  STOPPED: false,
  MISSING_TOOL: false,
  INTERNAL: false,
} as const;

/** One of the fixed list of codes. Stable: scripts and operators match on it. */
export type ErrorCode = keyof typeof RETRYABLE;

/** Whether `text`, such as a peer sent, is one of our codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(RETRYABLE, text);
}

/** The codes a bridge may push in a refusal, `v1/ack` (PROTOCOL.md §5). */
export const REFUSAL_CODES = [
  "NO_GRANT",
  "BAD_TOKEN",
  "BAD_RECORD",
  "TOO_LARGE",
  "EPOCH",
  "REVOKED",
  "LIMIT",
] as const satisfies readonly ErrorCode[];
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** Everything VeilMQ throws on purpose. The message never holds a topic name, a reading or a key. */
export class VeilError extends Error {
  override readonly name = "VeilError";
  readonly code: ErrorCode;
  /** What the reader can do about it; printed as `veilmq: hint: …`. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  get retryable(): boolean {
    return RETRYABLE[this.code];
  }
}

/** Whether `error` is a VeilError, of `code` if one is given. Never throws. */
export function isVeilError(error: unknown, code?: ErrorCode): error is VeilError {
  return error instanceof VeilError && (code === undefined || error.code === code);
}
