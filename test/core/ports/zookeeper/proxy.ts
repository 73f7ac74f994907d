/** A TCP proxy before a ZooKeeper server that can be told to misbehave. */
import { connect, createServer, type Server, type Socket } from "node:net";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class FaultyProxy {
  #target: string;
  #mode: "pass" | "swallow" | "cut" = "pass";
  readonly #pairs = new Set<Pair>();
  #listener: Server | undefined;
  /** Connections taken so far. */
  taken = 0;
  /** Chunks from clients that went nowhere, so far. */
  swallowed = 0;

  constructor(target: string) {
    this.#target = target;
  }

  /** Listens on a free port; returns `host:port`. */
  async start(): Promise<string> {
    const listener = createServer((client) => this.#take(client));
    this.#listener = listener;
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.drop();
    await new Promise((resolve) => this.#listener?.close(resolve));
  }

  /** From now on nothing passes in either direction, and nothing closes either: also for new connections. */
  swallow(): void {
    this.#mode = "swallow";
  }

  /** Bytes pass again; what was swallowed is lost, and its connections stay open. */
  pass(): void {
    this.#mode = "pass";
  }

  /** The next chunk from the server passes by half; then the connection is cut. */
  cutNextReply(): void {
    this.#mode = "cut";
  }

  /** Sends `bytes` to the clients as if the server had. */
  inject(bytes: Buffer): void {
    for (const { client } of this.#pairs) client.write(bytes);
  }

  /** From now on new connections go to another server; the present ones are dropped. */
  redirect(target: string): void {
    this.#target = target;
    this.drop();
  }

  drop(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  #take(client: Socket): void {
    this.taken++;
    const [host = "", port] = this.#target.split(":");
    const pair: Pair = { client, server: connect(Number(port), host) };
    this.#pairs.add(pair);
    for (const socket of [pair.client, pair.server]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#pairs.delete(pair);
        pair.client.destroy();
        pair.server.destroy();
      });
    }
    pair.client.on("data", (chunk) => {
      if (this.#mode === "swallow") this.swallowed++;
      else pair.server.write(chunk);
    });
    pair.server.on("data", (chunk) => this.#reply(pair, chunk));
  }

  #reply({ client }: Pair, chunk: Buffer): void {
    if (this.#mode === "pass") client.write(chunk);
    if (this.#mode !== "cut") return;
    this.#mode = "pass";
    client.end(chunk.subarray(0, Math.ceil(chunk.length / 2)));
  }
}
