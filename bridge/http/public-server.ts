/** The public listener (PROTOCOL.md §6): what consumers, dashboards and the KMS ask a bridge. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { mailNumberField, parseJson } from "../../core/wire/fields.ts";
import {
  type brokersResponseSchema,
  keysRequestSchema,
  type mailResponseSchema,
  matchRequestSchema,
  type statusResponseSchema,
} from "../../core/wire/http.ts";
import type { Login } from "../../core/wire/login.ts";
import type { Directory } from "../directory/types.ts";

import type { Limits } from "../limits/limits.ts";
import type { Mailboxes } from "../mail/mailboxes.ts";
import type { Sightings } from "../sightings.ts";
import type { ListenerTls } from "../tls.ts";
import { Door } from "./door.ts";

import { Imports, type ImportVisit } from "./imports.ts";
import { type KeysOptions, releaseKeys } from "./keys.ts";
import { type ListenAt, Listener } from "./listener.ts";
import { type MatchOptions, match } from "./match.ts";
import type { HttpMetrics } from "./metrics.ts";
import { describeApi } from "./openapi.ts";
import type { Refusals } from "./refusals.ts";

export interface PublicServerOptions extends MatchOptions, KeysOptions {
  readonly at: ListenAt;
  readonly limits: Limits;
  readonly sightings: Sightings;
  readonly verified: Pick<Directory, "client" | "import">;
  readonly mailboxes: Pick<Mailboxes, "read" | "remove">;
  readonly matching: MatchOptions["matching"] & KeysOptions["matching"];
  /** `host:port` of the brokers that are registered now. */
  readonly brokers: () => Promise<string[]>;
  readonly status: () => Promise<z.input<typeof statusResponseSchema>>;
  /** Of the program, for the description of the interface. */
  readonly version: string;
  readonly metrics: HttpMetrics;
  readonly refusals: Pick<Refusals, "note">;
  readonly log: Logger;
}

const EMPTY = Buffer.alloc(0);
/** Each is looked for in the registry, and released: so many cost what a request does. */
const KIDS_PER_REQUEST = 32;

export class PublicServer {
  readonly #options: PublicServerOptions;
  readonly #door: Door;
  readonly #imports: Imports;
  /** Who has proved who it is. */
  readonly #logins = new WeakMap<FastifyRequest, Login>();
  #listener: Listener | undefined;
  #port = 0;

  constructor(options: PublicServerOptions) {
    this.#options = options;
    this.#door = new Door(options);
    this.#imports = new Imports({ directory: options.verified });
  }

  /** Where it listens; 0 before `start()`. */
  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const { at, limits, metrics, refusals, log } = this.#options;
    const listener = new Listener({
      ...{ metrics, refusals, log, tls: at.tls },
      whoIs: (request) => this.#logins.get(request) ?? null,
      arrive: (address) => limits.addresses.arriveOverHttp(address),
      onUnwelcome: (address) => limits.addresses.unwelcomeOverHttp(address),
    });
    this.#listener = listener;
    const { app: server } = listener;
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
    this.#port = await listener.listen(at);
  }

  /** New connections get this certificate. */
  setCertificate(tls: ListenerTls): void {
    this.#listener?.setCertificate(tls);
  }

  /** Accepts nothing more and resolves when what is in flight has been answered. */
  async stop(): Promise<void> {
    await this.#listener?.stop();
    await this.#imports.stop();
  }

  /** Routes that a client logs in for, before its body is read. */
  #addClientRoutes(scope: FastifyInstance): void {
    const { brokers, status, metrics } = this.#options;
    scope.addHook("onRequest", async (request, reply) => {
      const login = this.#door.identify({
        address: request.ip,
        socket: request.socket,
        authorization: request.headers.authorization,
      });
      this.#logins.set(request, login);
      metrics.loggedIn(login.tenant);
      reply.raw.once("close", this.#door.enter(login));
    });
    scope.post("/v1/match", async (request) =>
      match(this.#options, this.#loginOf(request), parseJson(bodyOf(request), matchRequestSchema)),
    );
    scope.post("/v1/keys", async (request) => {
      const login = this.#loginOf(request);
      const asked = parseJson(bodyOf(request), keysRequestSchema);
      this.#door.charge(login, Math.floor(asked.kids.length / KIDS_PER_REQUEST));
      return releaseKeys(this.#options, login, asked);
    });
    scope.get(
      "/v1/brokers",
      async (): Promise<z.input<typeof brokersResponseSchema>> => ({ brokers: await brokers() }),
    );
    scope.get("/v1/status", async () => status());
    scope.get("/v1/mail", async (request) => this.#readMail(this.#loginOf(request)));
    scope.delete<{ Params: { number: string } }>("/v1/mail/:number", async (request, reply) => {
      await this.#options.mailboxes.remove(this.#loginOf(request), numberOf(request.params.number));
      return reply.code(204).send();
    });
  }

  async #readMail(login: Login): Promise<z.input<typeof mailResponseSchema>> {
    const mail = await this.#options.mailboxes.read(login);
    return {
      mail: mail.map(({ number, document }) => ({
        number,
        document: document.toString("base64url"),
      })),
    };
  }

  #addImport(scope: FastifyInstance): void {
    const imports = this.#imports;
    const visits = new WeakMap<FastifyRequest, ImportVisit>();
    scope.addHook("onRequest", async (request, reply) => {
      const visit = imports.enter(request.ip);
      visits.set(request, visit);
      reply.raw.once("close", () => visit.leave());
    });
    scope.removeContentTypeParser("application/json");
    scope.addContentTypeParser(
      "application/json",
      async (request: FastifyRequest, stream: IncomingMessage) =>
        visits.get(request)?.receive(stream),
    );
    scope.post("/v1/import", async (request) => imports.take(request.ip, bodyOf(request)));
  }

  #loginOf(request: FastifyRequest): Login {
    const login = this.#logins.get(request);
    if (!login) throw new VeilError("INTERNAL", "a request that nobody let in");
    return login;
  }
}

/** Throws BAD_ARGUMENT for what is no mail's number. */
function numberOf(text: string): number {
  return parseJson(text, mailNumberField);
}

function bodyOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : EMPTY;
}
