/** What a listener refuses: counted, one structured line, and what the operator sees of a client. */
import type { FastifyRequest } from "fastify";
import type { ErrorCode } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Quiet } from "../../core/runtime/quiet.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import { networkOf } from "../limits/network.ts";
import type { Sightings } from "../sightings.ts";
import type { HttpMetrics } from "./metrics.ts";

/** One refusal, as it was told. `reason` never holds what a peer sent. */
export interface Refusal {
  readonly request: Pick<FastifyRequest, "id" | "ip">;
  /** Who had logged in. */
  readonly login: Login | null;
  readonly route: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly reason: string;
}

export interface RefusalsOptions {
  readonly metrics: Pick<HttpMetrics, "refusal">;
  /** Lines that are worth it, by client, and by address where nobody has logged in. */
  readonly quiet: Quiet;
  readonly sightings: Pick<Sightings, "of">;
  readonly log: Logger;
}

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  note({ request, login, route, status, code, reason }: Refusal): void {
    const { metrics, quiet, sightings, log } = this.#options;
    metrics.refusal(code, login?.tenant);
    if (login) sightings.of(login).lastRefusal = { what: route, code, atMs: Date.now() };
    const address = networkOf(request.ip);
    const told = quiet.take(login ? formatLogin(login) : address);
    if (!told) return;
    const { client, tenant } = login ?? {};
    const what = { event: "refused", what: route, status, code, reason, request: request.id };
    log.info({ ...what, client, tenant, address, ...told }, "an HTTP request was refused");
  }
}
