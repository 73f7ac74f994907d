/**
 * The dashboard over HTTP. On loopback without a login, for requests that name loopback: another page's script that points
 * a name of its own at this machine is refused. Elsewhere TLS and a login are asked for.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { text } from "node:stream/consumers";
import { isLoopback } from "../../core/ports/http/loopback.ts";
import { closeServer } from "../../core/runtime/close-server.ts";
import { cannotListen } from "../../core/runtime/listen-address.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { type Answer, json, plain, seeOther, send } from "./answer.ts";
import type { EventStreams } from "./events.ts";
import type { Files } from "./files.ts";
import { COOKIE, type Login } from "./login.ts";
import type { About, History, Seen } from "./wire.ts";

const MAX_FORM_BYTES = 4096;
const HEADERS_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 200;
const EVERYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

export interface ServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  /** `null`: everybody who reaches it may look. */
  readonly login: Login | null;
  readonly files: Files;
  readonly events: EventStreams;
  readonly about: Omit<About, "login">;
  readonly history: (topic: number) => History;
  /** `null` for a topic that there is not. */
  readonly seen: (topic: number) => Promise<Seen | null>;
  readonly log: Logger;
}

export class DashboardServer {
  readonly #options: ServerOptions;
  #server: Server | undefined;
  #port = 0;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Where people find it: by this machine's name, where it listens on every address. */
  get url(): string {
    const { tls } = this.#options;
    const host = EVERYWHERE.has(this.#options.host) ? hostname() : this.#options.host;
    const name = host.includes(":") ? `[${host}]` : host;
    return `${tls ? "https" : "http"}://${name}:${this.#port}/`;
  }

  /** Throws CONFIG where it cannot listen. */
  async start(): Promise<void> {
    const { host, port, tls } = this.#options;
    const listener = (request: IncomingMessage, response: ServerResponse): void =>
      this.#serve(request, response);
    const options = { headersTimeout: HEADERS_TIMEOUT_MS };
    const server = tls
      ? createTlsServer({ ...options, ...tls, minVersion: "TLSv1.2" }, listener)
      : createServer(options, listener);
    server.maxConnections = MAX_CONNECTIONS;
    server.listen(port, host);
    await once(server, "listening").catch((cause: unknown) => {
      throw cannotListen(`on ${host} port ${port}`, cause);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await closeServer(server);
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => undefined);
    this.#answer(request, response).then(
      (answer) => {
        if (answer) send(response, answer);
      },
      (error: unknown) => {
        this.#options.log.error({ err: error }, "a request failed");
        if (!response.headersSent) send(response, plain(500, "an internal error"));
        else response.destroy();
      },
    );
  }

  /** `null`: the answer goes on by itself. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<Answer | null> {
    const { login, files, events } = this.#options;
    if (!this.#isForUs(request)) return plain(403, "this server has another name");
    const [path = ""] = (request.url ?? "").split("?", 1);
    if (request.method === "POST") return await this.#post(path, request);
    if (request.method !== "GET") return plain(405, "only GET and POST");
    const file = path.startsWith("/page/") && files.find(path.slice("/page/".length));
    if (file) return file;
    const session = login?.sessionOf(request.headers.cookie, Date.now()) ?? null;
    const isIn = !login || session;
    if (path === "/") return (isIn ? files.find("index.html") : undefined) ?? seeOther("/login");
    if (path === "/login") return files.find("login.html") ?? null;
    if (!path.startsWith("/api/")) return plain(404, "there is nothing here");
    if (!isIn) return plain(401, "log in first");
    if (path === "/api/events") {
      events.open(request, response, session);
      return null;
    }
    return await this.#api(path);
  }

  async #api(path: string): Promise<Answer> {
    const { about, history, login, seen } = this.#options;
    if (path === "/api/about") return json({ ...about, login: login !== null } satisfies About);
    const [, what, id] = /^\/api\/(history|seen)\/([0-9]{1,6})$/.exec(path) ?? [];
    if (what === "history") return json(history(Number(id)));
    const found = what === "seen" ? await seen(Number(id)) : null;
    return found ? json(found) : plain(404, "there is nothing here");
  }

  async #post(path: string, request: IncomingMessage): Promise<Answer> {
    const { login, tls, events } = this.#options;
    if (!login) return plain(404, "there is nothing here");
    const attributes = `Path=/; HttpOnly; SameSite=Strict${tls ? "; Secure" : ""}`;
    if (path === "/logout") {
      const session = login.sessionOf(request.headers.cookie, Date.now());
      if (session) events.endSession(session);
      return seeOther("/login", { "set-cookie": `${COOKIE}=; Max-Age=0; ${attributes}` });
    }
    if (path !== "/login") return plain(404, "there is nothing here");
    if (Number(request.headers["content-length"] ?? Infinity) > MAX_FORM_BYTES)
      return plain(413, "too large");
    const token = new URLSearchParams(await text(request)).get("token") ?? "";
    const value = login.enter(token.trim(), request.socket.remoteAddress ?? "", Date.now());
    if (value === "limit")
      return {
        ...plain(429, "too many attempts: wait a minute"),
        headers: { "retry-after": "60" },
      };
    if (value === null) return seeOther("/login#wrong");
    return seeOther("/", { "set-cookie": `${COOKIE}=${value}; ${attributes}` });
  }

  /** Without a login only what names loopback, and no other page's script: the browser says which page asks. */
  #isForUs({ headers, method }: IncomingMessage): boolean {
    const site = headers["sec-fetch-site"];
    const isNavigation = headers["sec-fetch-mode"] === "navigate" && method === "GET";
    if (site === "cross-site" && !isNavigation) return false;
    if (this.#options.login) return true;
    const host = headers.host ?? "";
    return URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`).hostname);
  }
}
