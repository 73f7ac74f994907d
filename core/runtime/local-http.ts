/**
 * A small HTTP server on a Unix socket that only its owner can open: how `veilmq … status` and a local
 * metrics collector ask a daemon. `curl --unix-socket SOCKET http://localhost/status` works too.
 */
import { once } from "node:events";
import { constants } from "node:fs";
import { chmod, open, unlink } from "node:fs/promises";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { connect } from "node:net";
import { basename, dirname } from "node:path";
import { text } from "node:stream/consumers";
import { VeilError } from "../errors.ts";
import { closeServer } from "./close-server.ts";

const SOCKET_MODE = 0o600;
/** sun_path of unix(7), less the final zero. A longer path is taken by way of its folder. */
const MAX_PATH_BYTES = 107;
/** What is left for a name below /proc/self/fd/N. */
const MAX_NAME_BYTES = 80;
const ASK_DEADLINE_MS = 3000;

export interface LocalAnswer {
  readonly contentType: string;
  readonly body: string;
  /** Of HTTP; 200 unless said otherwise. */
  readonly status?: number;
}

/** What is served: a path such as `/status`, and how its answer is made. */
export type LocalRoutes = Readonly<Record<string, () => LocalAnswer | Promise<LocalAnswer>>>;

/** A value as JSON. */
export function jsonAnswer(value: unknown): LocalAnswer {
  return { contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}

export class LocalHttpServer {
  readonly #path: string;
  readonly #routes: LocalRoutes;
  #server: Server | undefined;

  constructor(options: { socketPath: string; routes: LocalRoutes }) {
    this.#path = options.socketPath;
    this.#routes = options.routes;
  }

  /** Listens. Throws CONFIG where it cannot, UNAVAILABLE where another process answers on the socket. */
  async start(): Promise<void> {
    await withShortPath(this.#path, (path) => this.#listen(path));
  }

  async #listen(path: string): Promise<void> {
    await removeStale(path);
    const server = createServer((incoming, outgoing) => {
      this.#answer(incoming).then(
        ({ status, contentType, body }) => {
          outgoing.writeHead(status, { "content-type": contentType, connection: "close" });
          outgoing.end(body);
        },
        () => outgoing.writeHead(500).end(),
      );
    });
    server.listen(path);
    await once(server, "listening").catch((cause: unknown) => {
      throw new VeilError("CONFIG", `cannot listen on ${this.#path}`, { cause });
    });
    this.#server = server;
    await chmod(path, SOCKET_MODE);
  }

  /** Ends it, with what is being answered; the socket's name goes with it. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await closeServer(server);
    // Node takes away the name that it was given, which may have been a shorter one.
    await unlink(this.#path).catch(() => undefined);
  }

  async #answer({ method, url }: IncomingMessage): Promise<LocalAnswer & { status: number }> {
    const route = Object.hasOwn(this.#routes, url ?? "") ? this.#routes[url ?? ""] : undefined;
    if (method !== "GET" || !route)
      return { status: 404, contentType: "text/plain", body: "not found\n" };
    return { status: 200, ...(await route()) };
  }
}

/** Asks a daemon of this machine. Throws UNAVAILABLE if none answers on `socketPath`. */
export async function askLocal(socketPath: string, path: string): Promise<string> {
  const unavailable = (cause: unknown): never => {
    throw new VeilError("UNAVAILABLE", `nobody answers on ${socketPath}`, {
      hint: "does it run? The socket is there while it does",
      cause,
    });
  };
  return withShortPath(socketPath, (short) => ask(short, path)).catch(unavailable);
}

async function ask(socketPath: string, path: string): Promise<string> {
  return new Promise<string>((resolve, fail) => {
    const call = request({ socketPath, path, timeout: ASK_DEADLINE_MS }, (response) => {
      if (response.statusCode === 200) text(response).then(resolve, fail);
      else fail(new Error(`HTTP ${response.statusCode}`));
    });
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", fail);
    call.end();
  });
}

/**
 * Calls `use` with a path that fits into a socket's address: the folder of an agent that is named after its port is longer.
 * Linux reaches an open folder as /proc/self/fd/N.
 */
async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return use(path);
  if (Buffer.byteLength(basename(path)) > MAX_NAME_BYTES)
    throw new VeilError("CONFIG", `the name of the socket ${path} is longer than one may be`, {
      hint: `choose one of at most ${MAX_NAME_BYTES} bytes`,
    });
  const folder = await open(dirname(path), constants.O_DIRECTORY).catch((cause: unknown) => {
    throw new VeilError("CONFIG", `there is no folder for the socket ${path}`, { cause });
  });
  try {
    return await use(`/proc/self/fd/${folder.fd}/${basename(path)}`);
  } finally {
    await folder.close();
  }
}

/** After kill -9 the socket's name is still there and nobody behind it. */
async function removeStale(path: string): Promise<void> {
  const answers = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (answers) throw new VeilError("UNAVAILABLE", `another process answers on ${path}`);
  await unlink(path).catch(() => undefined);
}
