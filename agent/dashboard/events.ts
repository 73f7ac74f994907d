/**
 * The event stream (Server-Sent Events). An event's id is how far its receiver is: whoever returns with it in
 * `Last-Event-ID` gets all that has changed since, and nothing is kept for those who are away. Who reads slowly gets
 * fewer, larger events.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { beginStream } from "./answer.ts";
import type { Board } from "./board.ts";
import type { Session } from "./login.ts";
import type { Update } from "./wire.ts";

const TICK_MS = 250;
/** Every so many ticks how topics and hops are. */
const STATUS_TICKS = 4;
/** No further event is begun while more than this is still to be sent. */
const MAX_WAITING_BYTES = 256 * 1024;
/** How long a browser waits before it comes again. */
const RETRY_MS = 1000;

interface Client {
  /** `null` where there is no login. */
  readonly session: Session | null;
  readonly response: ServerResponse;
  /** The board's revision that it has; `null`: it has nothing. */
  revision: number | null;
  hasStatus: boolean;
}

export interface EventOptions {
  readonly board: Pick<Board, "revision" | "since">;
  readonly status: () => NonNullable<Update["status"]>;
  readonly ended: () => Update["ended"];
}

export class EventStreams {
  /** Of this run: another one counts anew. */
  readonly boot = randomUUID();
  readonly #options: EventOptions;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | undefined;
  #ticks = 0;

  constructor(options: EventOptions) {
    this.#options = options;
  }

  /** How many receivers there are. */
  get size(): number {
    return this.#clients.size;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const { response } of this.#clients) response.end();
  }

  /** Until the receiver goes, or its session ends. */
  open(request: IncomingMessage, response: ServerResponse, session: Session | null): void {
    beginStream(response, "text/event-stream");
    response.write(`retry: ${RETRY_MS}\n\n`);
    const client: Client = {
      ...{ session, response },
      revision: this.#revisionOf(request.headers["last-event-id"]),
      hasStatus: false,
    };
    this.#clients.add(client);
    response.on("close", () => this.#clients.delete(client));
    this.#send(client, true);
  }

  /** Somebody has logged out, wherever they look from. */
  endSession({ value }: Session): void {
    this.#endWhere((session) => session.value === value);
  }

  #tick(): void {
    const nowMs = Date.now();
    this.#endWhere(({ endMs }) => endMs <= nowMs);
    this.#ticks += 1;
    const isStatusDue = this.#ticks % STATUS_TICKS === 0;
    for (const client of this.#clients) this.#send(client, isStatusDue);
  }

  #endWhere(isOver: (session: Session) => boolean): void {
    for (const client of this.#clients) {
      if (!client.session || !isOver(client.session)) continue;
      this.#clients.delete(client);
      client.response.end();
    }
  }

  #send(client: Client, isStatusDue: boolean): void {
    const { board, status, ended } = this.#options;
    const { response } = client;
    if (isStatusDue) client.hasStatus = false;
    if (response.writableLength > MAX_WAITING_BYTES) return;
    // Who has nothing yet asks for the history of what it shows.
    const series = board.since(client.revision ?? 0, client.revision !== null);
    if (series.length === 0 && client.hasStatus) return;
    const update: Update = {
      boot: this.boot,
      nowMs: Date.now(),
      series,
      status: client.hasStatus ? null : status(),
      ended: ended(),
    };
    client.revision = board.revision;
    client.hasStatus = true;
    response.write(`id: ${this.boot}:${client.revision}\ndata: ${JSON.stringify(update)}\n\n`);
  }

  /** `null` for an id of another run, or none. */
  #revisionOf(id: string | string[] | undefined): number | null {
    const [boot, revision] = typeof id === "string" ? id.split(":") : [];
    if (boot !== this.boot || !/^[0-9]{1,15}$/.test(revision ?? "")) return null;
    return Number(revision);
  }
}
