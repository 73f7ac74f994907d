/** Structured logs: one JSON object a line on stderr; data goes to stdout (DESIGN.md). */
import { type Logger, pino } from "pino";

export type { Logger } from "pino";

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const STDERR = 2;
/** What is kept of a log that cannot be written at the moment; what comes on top of it is dropped. */
const MAX_KEPT_BYTES = 256 * 1024;

/**
 * A logger for one daemon. A log that cannot be written, as on a full disk, is no reason to stop serving: its lines
 * are kept, up to a bound, until writing succeeds again. Errors are logged by class, code and message alone: their `cause` may quote
 * what a peer sent. No field may hold a topic name, a reading or a key.
 */
export function createLog(name: string, level: LogLevel = "info", fd = STDERR): Logger {
  const destination = pino.destination({ dest: fd, sync: true, maxLength: MAX_KEPT_BYTES });
  // It keeps the line and tries again with the next one. Without a listener, a full disk would end the process.
  destination.on("error", () => undefined);
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    destination,
  );
}

function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = "code" in error ? error.code : undefined;
  return { type: error.name, code, message: error.message };
}
