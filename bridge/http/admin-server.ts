/** The operator's listener, on loopback unless configured otherwise: health, readiness, metrics, clients. */
import type { Logger } from "../../core/runtime/log.ts";
import type { Orphans } from "../orphans.ts";
import type { SightingView } from "../sightings.ts";
import type { ListenerTls } from "../tls.ts";
import type { Health } from "./health.ts";
import { type ListenAt, Listener } from "./listener.ts";
import type { HttpMetrics } from "./metrics.ts";
import type { Refusals } from "./refusals.ts";

export interface AdminServerOptions {
  readonly at: ListenAt;
  readonly health: Pick<Health, "ask">;
  /** Everything that the bridge counts, as Prometheus reads it. */
  readonly report: () => Promise<{ readonly contentType: string; readonly body: string }>;
  /** What was seen of each client, the newest first. */
  readonly clients: () => SightingView[];
  readonly orphans: () => Promise<Orphans>;
  readonly metrics: HttpMetrics;
  readonly refusals: Pick<Refusals, "note">;
  readonly log: Logger;
}

export class AdminServer {
  readonly name = "admin";
  readonly #options: AdminServerOptions;
  #listener: Listener | undefined;
  #port = 0;

  constructor(options: AdminServerOptions) {
    this.#options = options;
  }

  /** Where it listens; 0 before `start()`. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const { at, health, report, clients, orphans, metrics, refusals, log } = this.#options;
    const listener = new Listener({ metrics, refusals, log, tls: at.tls });
    this.#listener = listener;
    const { app: server } = listener;
    // That it answers is the answer: the event loop turns.
    server.get("/healthz", async () => ({ status: "ok" }));
    server.get("/readyz", async (_request, reply) => {
      const findings = await health.ask();
      const ready = Object.values(findings).every(({ state }) => state === "up");
      return reply.code(ready ? 200 : 503).send({ ready, ...findings });
    });
    server.get("/metrics", async (_request, reply) => {
      const { contentType, body } = await report();
      return reply.type(contentType).send(body);
    });
    server.get("/clients", async () => ({ clients: clients() }));
    server.get("/topics/orphaned", async () => orphans());
    this.#port = await listener.listen(at);
  }

  /** New connections get this certificate. */
  setCertificate(tls: ListenerTls): void {
    this.#listener?.setCertificate(tls);
  }

  async stop(): Promise<void> {
    await this.#listener?.stop();
  }
}
