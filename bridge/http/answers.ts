/** What a VeilError becomes over HTTP (PROTOCOL.md §7): `{code, message, retryable, hint?}` and a status. */
import { type ErrorCode, isVeilError, VeilError } from "../../core/errors.ts";
import type { ErrorResponse } from "../../core/wire/http.ts";

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
  readonly body: ErrorResponse & { readonly code: ErrorCode };
}

/** Errors that nobody foresaw say nothing: their messages may quote anything. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (isVeilError(error)) return answerOf(error, STATUS[error.code] ?? INTERNAL_STATUS);
  return frameworkAnswer(error) ?? answer("INTERNAL", "an internal error", INTERNAL_STATUS);
}

/** Fastify's own refusals carry a status below 500. */
function frameworkAnswer(error: unknown): ErrorAnswer | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (status === 413) return answer("TOO_LARGE", "the body is too large", status);
  if (status === 415) return answer("BAD_ARGUMENT", "the body must be application/json", status);
  if (typeof status !== "number" || status < 400 || status >= 500) return undefined;
  return answer("BAD_ARGUMENT", "the request cannot be understood", status);
}

function answer(code: ErrorCode, message: string, status: number): ErrorAnswer {
  return answerOf(new VeilError(code, message), status);
}

function answerOf({ code, message, retryable, hint }: VeilError, status: number): ErrorAnswer {
  return { status, body: { code, message, retryable, ...(hint !== undefined && { hint }) } };
}
