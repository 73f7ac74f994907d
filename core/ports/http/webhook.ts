/** Hands JSON to somebody else's HTTP endpoint: `https://`, or `http://` on loopback. Redirects are not followed. */
import { Agent } from "undici";
import { VeilError } from "../../errors.ts";
import { isLoopback } from "./loopback.ts";

const DEADLINE_MS = 30_000;
const TRANSIENT = [408, 425, 429];

export interface WebhookOptions {
  readonly url: string;
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string | undefined;
}

export class Webhook {
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #agent = new Agent({ headersTimeout: DEADLINE_MS, bodyTimeout: DEADLINE_MS });

  /** Throws CONFIG for an address that must not be spoken to. */
  constructor({ url, token }: WebhookOptions) {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (!parsed || !["http:", "https:"].includes(parsed.protocol))
      throw new VeilError("CONFIG", "a webhook's address is https://…");
    if (parsed.protocol === "http:" && !isLoopback(parsed.hostname))
      throw new VeilError("CONFIG", "http:// is for loopback only: readings would travel in clear");
    this.#url = parsed;
    this.#token = token;
  }

  /**
   * Throws UNAVAILABLE where there is no answer and for one that may be another the next time (5xx, 408, 425, 429), and
   * when `signal` aborts; TOO_LARGE for 413; AUTH for 401 and 403; CONFIG for all others but 2xx.
   */
  async post(body: string, signal: AbortSignal): Promise<void> {
    let status: number;
    // By hand: of `AbortSignal.any` the signal, which lives as long as the consumer, would keep a piece for every post.
    const end = new AbortController();
    const abort = (): void => end.abort();
    const deadline = setTimeout(abort, DEADLINE_MS);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      status = await this.#send(body, end.signal);
    } catch (cause) {
      throw new VeilError("UNAVAILABLE", "the webhook cannot be reached", { cause });
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener("abort", abort);
    }
    if (status < 200 || status > 299) throw refusalOf(status);
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
  }

  /** The status of the answer, of which nothing else is read. */
  async #send(body: string, signal: AbortSignal): Promise<number> {
    const { origin, pathname, search } = this.#url;
    const response = await this.#agent.request({
      origin,
      path: `${pathname}${search}`,
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body,
      signal,
    });
    await response.body.dump();
    return response.statusCode;
  }
}

function refusalOf(status: number): VeilError {
  const message = `the webhook answered ${status}`;
  if (status >= 500 || TRANSIENT.includes(status)) return new VeilError("UNAVAILABLE", message);
  if (status === 401 || status === 403)
    return new VeilError("AUTH", message, { hint: "--webhook-token-file has its bearer token" });
  if (status === 413) return new VeilError("TOO_LARGE", message);
  return new VeilError("CONFIG", message, {
    hint: "it would answer the same again: see the address, and what takes readings there",
  });
}
