/** What a VeilError becomes over HTTP: `{code, message}` and a status. */
import { type ErrorCode, isVeilError } from "../../core/errors.ts";

const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_ARGUMENT: 400,
  BAD_TOKEN: 400,
  BAD_RECORD: 400,
  BAD_DOCUMENT: 400,
  EPOCH: 400,
  AUTH: 401,
  REVOKED: 403,
  NO_GRANT: 404,
  NOT_FOUND: 404,
  CONFLICT: 409,
  ROLLED_BACK: 409,
  TOO_LARGE: 413,
  LIMIT: 429,
  UNAVAILABLE: 503,
  TIMEOUT: 503,
  DISCONNECTED: 503,
  DISK: 503,
  STOPPED: 503,
};
const INTERNAL_STATUS = 500;

export interface ErrorAnswer {
  readonly status: number;
  readonly body: { readonly code: ErrorCode; readonly message: string };
}

/** Errors that nobody foresaw say nothing: their messages may quote anything. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (isVeilError(error)) {
    const { code, message } = error;
    return { status: STATUS[code] ?? INTERNAL_STATUS, body: { code, message } };
  }
  return (
    frameworkAnswer(error) ?? {
      status: INTERNAL_STATUS,
      body: { code: "INTERNAL", message: "an internal error" },
    }
  );
}

/** Fastify's own refusals carry a status below 500. */
function frameworkAnswer(error: unknown): ErrorAnswer | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 413)
    return { status, body: { code: "TOO_LARGE", message: "the body is too large" } };
  if (status === 415)
    return { status, body: { code: "BAD_ARGUMENT", message: "the body must be application/json" } };
  if (typeof status !== "number" || status < 400 || status >= 500) return undefined;
  return { status, body: { code: "BAD_ARGUMENT", message: "the request cannot be understood" } };
}
