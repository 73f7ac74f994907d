/** What can go wrong over HTTP, as VeilErrors. */
import { type ErrorCode, isErrorCode, VeilError } from "../../errors.ts";
import { parseJson } from "../../wire/fields.ts";
import { type ErrorResponse, errorResponseSchema } from "../../wire/http.ts";

const MAX_MESSAGE_CHARACTERS = 300;

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "BAD_ARGUMENT",
  401: "AUTH",
  403: "AUTH",
  404: "NOT_FOUND",
  409: "CONFLICT",
  413: "TOO_LARGE",
  429: "LIMIT",
};

/** An answer other than 2xx: the bridge's code and sentence where it gave them. */
export function answerFailure(status: number, body: string): VeilError {
  const answer = readAnswer(body);
  const message = answer.message === "" ? "" : `: ${plain(answer.message)}`;
  return new VeilError(codeOfAnswer(status, answer), `the bridge answered ${status}${message}`, {
    ...(answer.hint !== undefined && { hint: plain(answer.hint) }),
  });
}

function readAnswer(body: string): ErrorResponse {
  try {
    return parseJson(body, errorResponseSchema);
  } catch {
    return { message: "" };
  }
}

/** A newer bridge may have codes that we do not know: then its word on asking again counts. */
function codeOfAnswer(status: number, { code, retryable }: ErrorResponse): ErrorCode {
  if (code !== undefined && isErrorCode(code)) return code;
  if (retryable === true) return "UNAVAILABLE";
  return CODE_OF_STATUS[status] ?? (status >= 500 ? "UNAVAILABLE" : "INTERNAL");
}

/** It goes to a terminal: no control characters, no essays. */
function plain(text: string): string {
  return text.replace(/\p{C}+/gu, " ").slice(0, MAX_MESSAGE_CHARACTERS);
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|^ERR_TLS/;

/** What undici throws when no whole answer came. */
export function transportFailure(error: unknown): VeilError {
  const code = codeOf(error);
  const options = { cause: error };
  if (error instanceof Error && error.name === "TimeoutError")
    return new VeilError("TIMEOUT", "the bridge did not answer in time", options);
  if (code.startsWith("UND_ERR_") && code.endsWith("_TIMEOUT"))
    return new VeilError("TIMEOUT", "the bridge did not answer in time", options);
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE")
    return new VeilError("TOO_LARGE", "the bridge's answer is too large", options);
  if (CERTIFICATE.test(code))
    return new VeilError("AUTH", `the bridge's certificate is not trusted (${code})`, {
      hint: "is this the bridge's CA, and the name in its certificate the one in the address?",
      cause: error,
    });
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET" || code === "EPIPE")
    return new VeilError("DISCONNECTED", "the connection to the bridge was lost", options);
  return new VeilError("UNAVAILABLE", `the bridge cannot be reached (${code})`, options);
}

/** The code of an error, or of the first one it is made of: several addresses make an AggregateError. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof AggregateError ? codeOf(error.errors[0]) : error.name;
}
