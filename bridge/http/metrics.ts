/** What the HTTP listeners count, in the bridge's own registry. Labels are from fixed lists, never a peer's words. */
import { Counter, Histogram, type Registry } from "prom-client";
import type { ErrorCode } from "../../core/errors.ts";

const NO_TENANT = "-";
const REQUEST_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export class HttpMetrics {
  readonly #requests: Histogram<"route" | "status">;
  readonly #refusals: Counter<"code" | "tenant">;
  readonly #logins: Counter<"tenant">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Histogram({
      name: "veilmq_http_request_seconds",
      help: "HTTP requests by route and status.",
      labelNames: ["route", "status"],
      buckets: REQUEST_BUCKETS_S,
      registers,
    });
    this.#refusals = new Counter({
      name: "veilmq_http_refusals_total",
      help: "HTTP requests refused, by code.",
      labelNames: ["code", "tenant"],
      registers,
    });
    this.#logins = new Counter({
      name: "veilmq_http_client_requests_total",
      help: "HTTP requests of clients that have logged in.",
      labelNames: ["tenant"],
      registers,
    });
  }

  /** `route` is the pattern, not the address that was asked for. */
  request(route: string, status: number, elapsedMs: number): void {
    this.#requests.observe({ route, status: String(status) }, elapsedMs / 1000);
  }

  loggedIn(tenant: string): void {
    this.#logins.inc({ tenant });
  }

  /** Without a tenant: of nobody who has logged in. */
  refusal(code: ErrorCode, tenant = NO_TENANT): void {
    this.#refusals.inc({ code, tenant });
  }
}
