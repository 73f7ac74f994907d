/** A fastify server of this bridge: bounded in every direction, answering errors as `{code, message}`. */
import { randomUUID } from "node:crypto";
import { Server as TlsServer } from "node:tls";
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from "fastify";
import type { Logger } from "../../core/runtime/log.ts";
import type { ListenerTls } from "../tls.ts";
import { errorAnswer } from "./answers.ts";
import type { HttpMetrics } from "./metrics.ts";

/** Of requests that no route says otherwise for. */
const MAX_BODY_BYTES = 64 * 1024;
/** For a whole request to arrive: who is slower is cut off. */
const REQUEST_TIMEOUT_MS = 60_000;
const KEEP_ALIVE_MS = 75_000;
const MAX_CONNECTIONS = 20_000;
const UNKNOWN_ROUTE = "unknown";

/** Where to listen. Port 0 takes a free one. */
export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** Plain HTTP without it. */
  readonly tls?: ListenerTls | undefined;
}

export interface ListenerOptions {
  readonly metrics: HttpMetrics;
  readonly log: Logger;
  readonly tls?: ListenAt["tls"];
}

/** A server without routes, not listening. */
export function createListener({ metrics, log, tls }: ListenerOptions): FastifyInstance {
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
  const server: FastifyInstance = tls ? Fastify({ ...common, https: tls }) : Fastify(common);
  server.server.maxConnections = MAX_CONNECTIONS;
  // Bodies are bytes until a route holds them against its schema.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  // Told to who asked: with it an operator finds the line in the log.
  server.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, body } = errorAnswer(error);
    metrics.refusal(body.code);
    const fields = { request: request.id, route: routeOf(request), status, code: body.code };
    if (body.code === "INTERNAL") log.error({ ...fields, err: error }, "an HTTP request failed");
    else log.info(fields, "an HTTP request was refused");
    if (status === 401) reply.header("www-authenticate", 'Basic realm="veilmq", charset="UTF-8"');
    if (status === 429) reply.header("retry-after", "1");
    return reply.code(status).send(body);
  });
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ code: "NOT_FOUND", message: "there is nothing here" }),
  );
  server.addHook("onResponse", async (request, reply) => {
    const { statusCode: status, elapsedTime } = reply;
    metrics.request(routeOf(request), status, elapsedTime);
    const tookMs = Math.round(elapsedTime);
    log.debug({ request: request.id, route: routeOf(request), status, tookMs }, "HTTP answered");
  });
  return server;
}

/** New connections get this certificate; those that are open stay as they are. Nothing without TLS. */
export function setCertificate(listener: FastifyInstance | undefined, tls: ListenerTls): void {
  if (listener?.server instanceof TlsServer) listener.server.setSecureContext(tls);
}

/** Returns the port. Rejects where it is taken. */
export async function listen(
  server: FastifyInstance,
  { host, port }: Pick<ListenAt, "host" | "port">,
): Promise<number> {
  await server.listen({ host, port });
  const [address] = server.addresses();
  return typeof address === "object" ? address.port : port;
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? UNKNOWN_ROUTE;
}
