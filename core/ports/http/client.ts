/**
 * HTTP towards a bridge (PROTOCOL.md §6): JSON in, JSON out against a schema, one deadline for the whole call, an
 * answer of bounded size, and nobody trusted but the given CA. Redirects are not followed: they are errors.
 */
import { Agent } from "undici";
import type { z } from "zod";
import { isVeilError, VeilError } from "../../errors.ts";
import { parseJson } from "../../wire/fields.ts";
import type { OwnCertificate } from "../tls/own.ts";
import { answerFailure, transportFailure } from "./failure.ts";
import { isLoopback } from "./loopback.ts";

const DEFAULT_DEADLINE_MS = 30_000;
const DEFAULT_MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

export interface HttpOptions {
  /** `https://host:port`, or `http://` on loopback. */
  readonly baseUrl: string;
  /** PEM of the only authority to trust. Without it, those that Node.js trusts, and no login is sent over TLS. */
  readonly ca?: string | undefined;
  /** PEM: shown to a bridge that asks for one. */
  readonly certificate?: OwnCertificate | undefined;
  /** Basic authentication: `formatLogin` and the b64url of the secret. */
  readonly login?: { readonly user: string; readonly password: string } | undefined;
  /** For a whole call, connecting included. */
  readonly deadlineMs?: number;
  readonly maxResponseBytes?: number;
}

/** A client of one bridge. Connections are made when needed and kept until `stop()`. */
export class HttpClient {
  readonly #options: HttpOptions;
  readonly #deadlineMs: number;
  #agent: Agent | undefined;
  #stopped = false;

  constructor(options: HttpOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  }

  /**
   * Throws the bridge's own code where it names one, else AUTH, NOT_FOUND, … by status;
   * UNAVAILABLE, DISCONNECTED, TIMEOUT or AUTH (its certificate) where no answer came; TOO_LARGE or BAD_DOCUMENT
   * where the answer is none; STOPPED after `stop()`.
   */
  async get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    return await this.#call("GET", path, undefined, schema);
  }

  /** Sends `body` as JSON. Throws as `get`. */
  async post<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.output<S>> {
    return await this.#call("POST", path, JSON.stringify(body), schema);
  }

  /** Asks for `path` to be removed; an answer's body is of no interest. Throws as `get`. */
  async delete(path: string): Promise<void> {
    const { status, text } = await this.#exchange("DELETE", path, undefined);
    if (status < 200 || status > 299) throw answerFailure(status, text);
  }

  /** Ends the connections; calls under way reject with STOPPED. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#agent?.destroy();
  }

  async #call<S extends z.ZodType>(
    method: "GET" | "POST",
    path: string,
    body: string | undefined,
    schema: S,
  ): Promise<z.output<S>> {
    const { status, text } = await this.#exchange(method, path, body);
    if (status < 200 || status > 299) throw answerFailure(status, text);
    try {
      return parseJson(text, schema, "BAD_DOCUMENT");
    } catch (error) {
      if (!isVeilError(error)) throw error;
      throw new VeilError("BAD_DOCUMENT", `the bridge's answer does not fit: ${error.message}`);
    }
  }

  async #exchange(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body: string | undefined,
  ): Promise<{ status: number; text: string }> {
    const agent = this.#open();
    try {
      const response = await agent.request({
        origin: new URL(this.#options.baseUrl).origin,
        path,
        method,
        headers: this.#headers(body !== undefined),
        body: body ?? null,
        signal: AbortSignal.timeout(this.#deadlineMs),
      });
      return { status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      if (this.#stopped) throw stopped();
      throw transportFailure(error);
    }
  }

  /** The agent, made at the first call. Throws CONFIG for an address that must not be spoken to, BAD_CREDENTIAL. */
  #open(): Agent {
    if (this.#stopped) throw stopped();
    if (this.#agent) return this.#agent;
    const { baseUrl, ca, certificate, login } = this.#options;
    checkAddress(baseUrl);
    if (baseUrl.startsWith("https:") && login && ca === undefined)
      throw new VeilError(
        "BAD_CREDENTIAL",
        "the credential holds no authority to know the bridge by",
        { hint: "its owner gives it one: veilmq kms enrol --again --ca FILE" },
      );
    this.#agent = new Agent({
      connect: { timeout: this.#deadlineMs, ...certificate, ...(ca === undefined ? {} : { ca }) },
      headersTimeout: this.#deadlineMs,
      bodyTimeout: this.#deadlineMs,
      maxResponseSize: this.#options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES,
    });
    return this.#agent;
  }

  #headers(hasBody: boolean): Record<string, string> {
    const { login } = this.#options;
    const headers: Record<string, string> = { accept: "application/json" };
    if (hasBody) headers["content-type"] = "application/json";
    if (login) {
      const pair = Buffer.from(`${login.user}:${login.password}`, "utf8").toString("base64");
      headers["authorization"] = `Basic ${pair}`;
    }
    return headers;
  }
}

function checkAddress(baseUrl: string): void {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/")
    throw new VeilError("CONFIG", "a bridge's address is https://host:port");
  if (url.username !== "" || url.password !== "")
    throw new VeilError("CONFIG", "a bridge's address holds no password");
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw new VeilError("CONFIG", "http:// is for loopback only", {
      hint: "use https:// and the bridge's CA",
    });
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the HTTP client is stopped");
}
