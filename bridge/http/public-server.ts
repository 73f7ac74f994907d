/** The public listener (PROTOCOL.md §6): what consumers, dashboards and the KMS ask a bridge. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Logger } from "../../core/runtime/log.ts";
import { parseJson } from "../../core/wire/fields.ts";
import {
  type brokersResponseSchema,
  keysRequestSchema,
  matchRequestSchema,
  type statusResponseSchema,
} from "../../core/wire/http.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { Directory } from "../directory/types.ts";
import { Imports, MAX_IMPORT_BYTES } from "./imports.ts";
import { type KeysOptions, releaseKeys } from "./keys.ts";
import { createListener, type ListenAt, listen } from "./listener.ts";
import { authenticate } from "./login.ts";
import { type MatchOptions, match } from "./match.ts";
import type { HttpMetrics } from "./metrics.ts";
import { describeApi } from "./openapi.ts";
import { Places, RateLimit } from "./rate-limit.ts";

export interface HttpLimits {
  /** Requests of one client at the same time. */
  readonly httpInFlightPerClient: number;
  readonly httpPerSecondPerClient: number;
  readonly httpBurstPerClient: number;
}

export interface PublicServerOptions extends MatchOptions, KeysOptions {
  readonly at: ListenAt;
  readonly limits: HttpLimits;
  readonly verified: Pick<Directory, "client" | "import">;
  readonly matching: MatchOptions["matching"] & KeysOptions["matching"];
  /** `host:port` of the brokers that are registered now. */
  readonly brokers: () => Promise<string[]>;
  readonly status: () => Promise<z.input<typeof statusResponseSchema>>;
  /** Of the program, for the description of the interface. */
  readonly version: string;
  readonly metrics: HttpMetrics;
  readonly log: Logger;
}

const EMPTY = Buffer.alloc(0);

export class PublicServer {
  readonly name = "http";
  readonly #options: PublicServerOptions;
  readonly #places: Places;
  readonly #rate: RateLimit;
  /** Whom `onRequest` let in. */
  readonly #logins = new WeakMap<FastifyRequest, Login>();
  #server: FastifyInstance | undefined;
  #port = 0;

  constructor(options: PublicServerOptions) {
    this.#options = options;
    const { httpInFlightPerClient, httpPerSecondPerClient, httpBurstPerClient } = options.limits;
    this.#places = new Places(httpInFlightPerClient);
    this.#rate = new RateLimit({ burst: httpBurstPerClient, perSecond: httpPerSecondPerClient });
  }

  /** Where it listens; 0 before `start()`. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const { at, metrics, log } = this.#options;
    const server = createListener({ metrics, log, tls: at.tls });
    this.#server = server;
    await server.register((scope, _options, done) => {
      this.#addClientRoutes(scope);
      done();
    });
    await server.register((scope, _options, done) => {
      this.#addImport(scope);
      done();
    });
    const description = describeApi(this.#options.version);
    server.get("/v1/openapi.json", async () => description);
    this.#port = await listen(server, at);
  }

  /** Accepts nothing more and resolves when what is in flight has been answered. */
  async stop(): Promise<void> {
    await this.#server?.close();
  }

  /** Routes that a client logs in for, before its body is read. */
  #addClientRoutes(scope: FastifyInstance): void {
    const { brokers, status } = this.#options;
    scope.addHook("onRequest", async (request, reply) => {
      const { login } = authenticate(request.headers.authorization, this.#options.verified);
      const name = formatLogin(login);
      this.#rate.take(name);
      reply.raw.once("close", this.#places.enter(name));
      this.#logins.set(request, login);
    });
    scope.post("/v1/match", async (request) =>
      match(this.#options, this.#loginOf(request), parseJson(bodyOf(request), matchRequestSchema)),
    );
    scope.post("/v1/keys", async (request) =>
      releaseKeys(
        this.#options,
        this.#loginOf(request),
        parseJson(bodyOf(request), keysRequestSchema),
      ),
    );
    scope.get(
      "/v1/brokers",
      async (): Promise<z.input<typeof brokersResponseSchema>> => ({ brokers: await brokers() }),
    );
    scope.get("/v1/status", async () => status());
  }

  #addImport(scope: FastifyInstance): void {
    const imports = new Imports({ directory: this.#options.verified });
    scope.addHook("onRequest", async (request, reply) => {
      reply.raw.once("close", imports.enter(request.ip));
    });
    scope.post("/v1/import", { bodyLimit: MAX_IMPORT_BYTES }, async (request) =>
      imports.take(request.ip, bodyOf(request)),
    );
  }

  #loginOf(request: FastifyRequest): Login {
    const login = this.#logins.get(request);
    return login ?? authenticate(request.headers.authorization, this.#options.verified).login;
  }
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : EMPTY;
}
