/** Hands JSON to somebody else's HTTP endpoint: `https://`, or `http://` on loopback. Redirects are not followed. */
import { Agent } from "undici";
import { VeilError } from "../../errors.ts";
import { isLoopback } from "./loopback.ts";

const DEADLINE_MS = 30_000;

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

  /** Throws UNAVAILABLE for any answer but 2xx, and where there is none. */
  async post(body: string): Promise<void> {
    const { origin, pathname, search } = this.#url;
    let status: number;
    try {
      const response = await this.#agent.request({
        origin,
        path: `${pathname}${search}`,
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
        },
        body,
        signal: AbortSignal.timeout(DEADLINE_MS),
      });
      status = response.statusCode;
      await response.body.dump();
    } catch (cause) {
      throw new VeilError("UNAVAILABLE", "the webhook cannot be reached", { cause });
    }
    if (status < 200 || status > 299)
      throw new VeilError("UNAVAILABLE", `the webhook answered ${status}`);
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
  }
}
