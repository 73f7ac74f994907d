/** What every answer of the dashboard carries, and how answers are written. */
import type { ServerResponse } from "node:http";

/** Everything comes from this server; nothing runs that is not a file of its own; nobody may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
  "cache-control": "no-store",
};

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export function send(response: ServerResponse, { status, type, body, headers }: Answer): void {
  response.writeHead(status, { ...HEADERS, "content-type": type, ...headers });
  response.end(body);
}

/** The beginning of an answer that goes on. */
export function beginStream(response: ServerResponse, type: string): void {
  response.writeHead(200, { ...HEADERS, "content-type": type });
}

export function json(value: unknown, status = 200): Answer {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

export function plain(status: number, body: string): Answer {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` };
}

/** As the answer to a form: the browser asks for `location` next. */
export function seeOther(location: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { ...plain(303, "see other"), headers: { location, ...headers } };
}
