/** A fastify server of this bridge: bounded in every direction, answering errors as `{code, message, retryable, hint?}`. */
import { randomUUID } from "node:crypto";
import { Server as TlsServer } from "node:tls";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { cannotListen, listenAddress } from "../../core/runtime/listen-address.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Login } from "../../core/wire/login.ts";
import type { ListenerTls } from "../tls.ts";
import { errorAnswer } from "./answers.ts";
import type { HttpMetrics } from "./metrics.ts";
import type { Refusals } from "./refusals.ts";
import { type Arrive, Sockets } from "./sockets.ts";

/** Of requests that no route says otherwise for. */
const MAX_BODY_BYTES = 64 * 1024;
/** For a whole request to arrive: who is slower is cut off. */
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 75_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** For what is in flight when the listener stops; below the deadline of a part's stop. */
const GRACE_MS = 5_000;
const MAX_CONNECTIONS = 20_000;
const UNKNOWN_ROUTE = "unknown";
const FIRST_ERROR_STATUS = 400;

/** Where to listen: at one address, also where `host` is a name of several. Port 0 takes a free one. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** Plain HTTP without it. */
  readonly tls?: ListenerTls | undefined;
}

export interface ListenerOptions {
  readonly metrics: HttpMetrics;
  /** Hears of every request that is not answered as asked, save what is the bridge's own fault. */
  readonly refusals: Pick<Refusals, "note">;
  /** Who has logged in with a request; nobody without it. */
  readonly whoIs?: (request: FastifyRequest) => Login | null;
  /** Asked before a byte of a connection is read. */
  readonly arrive?: Arrive;
  /** Told of the address of each refused request whose connection is closed for it. */
  readonly onUnwelcome?: (address: string) => void;
  readonly log: Logger;
  readonly tls?: ListenAt["tls"];
}

export class Listener {
  /** For routes; they are added before `listen`. */
  readonly app: FastifyInstance;
  readonly #options: ListenerOptions;
  readonly #sockets = new Sockets();
  #inFlight = 0;
  #onAnswered: (() => void) | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.app = makeApp(options.tls);
    this.app.server.maxConnections = MAX_CONNECTIONS;
    this.app.addHook("onRequest", async (request, reply) => {
      this.#inFlight += 1;
      reply.raw.once("close", () => this.#answered());
      // Told to who asked: with it an operator finds the line in the log.
      reply.header("x-request-id", request.id);
    });
    this.app.setErrorHandler((error: FastifyError, request, reply) =>
      this.#refuse(error, request, reply),
    );
    this.app.setNotFoundHandler((request, reply) =>
      this.#refuse(new VeilError("NOT_FOUND", "there is nothing here"), request, reply),
    );
    this.app.addHook("onSend", async (request, reply) => {
      if (this.#maySayMore(request, reply)) return;
      reply.header("connection", "close");
      if (reply.statusCode >= FIRST_ERROR_STATUS) this.#options.onUnwelcome?.(request.ip);
    });
    this.app.addHook("onResponse", async (request, reply) => {
      const { statusCode: status, elapsedTime } = reply;
      const { metrics, log } = this.#options;
      metrics.request(routeOf(request), status, elapsedTime);
      const tookMs = Math.round(elapsedTime);
      log.debug({ request: request.id, route: routeOf(request), status, tookMs }, "HTTP answered");
    });
  }

  /** Returns the port. Throws CONFIG where it is taken. */
  async listen({ host, port }: Pick<ListenAt, "host" | "port">): Promise<number> {
    const { arrive = welcome, onUnwelcome = () => undefined } = this.#options;
    this.#sockets.forbidPipelining(this.app.server, onUnwelcome);
    this.#sockets.guard(this.app.server, arrive, HANDSHAKE_TIMEOUT_MS);
    try {
      await this.app.listen({ host: await listenAddress(host), port });
    } catch (cause) {
      throw cannotListen(`for HTTP on ${host}:${port}`, cause);
    }
    const [address] = this.app.addresses();
    return typeof address === "object" ? address.port : port;
  }

  /** New connections get this certificate; those that are open stay as they are. Nothing without TLS. */
  setCertificate(tls: ListenerTls): void {
    const { server } = this.app;
    if (server instanceof TlsServer) server.setSecureContext(tls);
  }

  /** Accepts nothing more and ends when what is in flight has been answered, or a while later: cut off then. */
  async stop(): Promise<void> {
    const closed = this.app.close();
    const cancel = new AbortController();
    await Promise.race([this.#allAnswered(), pause(GRACE_MS, cancel.signal)]);
    cancel.abort();
    this.#sockets.destroyAll();
    await closed;
  }

  /** Who has no login, or asks too often, pays for every request with a connection, which its address has only so many of. */
  #maySayMore(request: FastifyRequest, { statusCode }: FastifyReply): boolean {
    const { whoIs } = this.#options;
    return !whoIs || (whoIs(request) !== null && statusCode !== 429);
  }

  async #allAnswered(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      this.#onAnswered = resolve;
    });
  }

  #answered(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#onAnswered?.();
  }

  #refuse(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { metrics, refusals, whoIs, log } = this.#options;
    const { status, body } = errorAnswer(error);
    const { code, message: reason } = body;
    const route = routeOf(request);
    if (code === "INTERNAL") {
      metrics.refusal(code);
      const fields = { request: request.id, route, status, code, err: error };
      log.error(fields, "an HTTP request failed");
    } else {
      const login = whoIs?.(request) ?? null;
      refusals.note({ request, login, route, status, code, reason });
    }
    if (status === 401) reply.header("www-authenticate", 'Basic realm="veilmq", charset="UTF-8"');
    if (status === 429) reply.header("retry-after", "1");
    return reply.code(status).send(body);
  }
}

/** No limit. */
const welcome: Arrive = () => ({ leave: () => undefined, inMs: 0 });

function makeApp(tls: ListenAt["tls"]): FastifyInstance {
  const common = {
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    // Not a peer's word, so that it may stand in the log.
    requestIdHeader: false,
    genReqId: () => randomUUID(),
  } as const;
  const https = tls && { ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const app: FastifyInstance = https ? Fastify({ ...common, https }) : Fastify(common);
  // Bodies are bytes until a route holds them against its schema.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  return app;
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? UNKNOWN_ROUTE;
}
