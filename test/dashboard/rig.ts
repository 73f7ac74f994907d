/** The dashboard's server and page, with a test in the place of the consumer. */
import { pino } from "pino";
import { Board, type Sample } from "../../agent/dashboard/board.ts";
import { EventStreams } from "../../agent/dashboard/events.ts";
import { Files } from "../../agent/dashboard/files.ts";
import { Limits } from "../../agent/dashboard/limits.ts";
import { Login } from "../../agent/dashboard/login.ts";
import { DashboardServer } from "../../agent/dashboard/server.ts";
import type { HopView, Seen, TopicView, Update } from "../../agent/dashboard/wire.ts";

const HISTORY_MS = 3_600_000;

/** Of a topic where all is well. */
export const FACTS = { found: true, readings: 1, rejects: 0, missing: 0, rate: 1, lag: 0 } as const;

export interface RigOptions {
  readonly topics: readonly string[];
  readonly token?: string;
  readonly port?: number;
  readonly staleMs?: number;
  readonly historyMs?: number;
  readonly rules?: ConstructorParameters<typeof Limits>[0]["rules"];
}

export class Rig {
  readonly board: Board;
  /** What is said of each topic. */
  facts: (id: number, name: string) => Omit<TopicView, "id" | "name" | "hidden">;
  hops: HopView[] = [];
  ended: Update["ended"] = null;
  /** What is answered to *What do they see?* */
  seen: (topic: number) => Promise<Seen | null> = async () => null;
  readonly #events: EventStreams;
  readonly #server: DashboardServer;
  readonly #files = new Files();

  constructor(options: RigOptions) {
    const { topics, token, port = 0, staleMs = 60_000, rules = [] } = options;
    const { historyMs = HISTORY_MS } = options;
    this.board = new Board({
      topics,
      historyMs,
      limits: new Limits({ rules, staleMs }),
    });
    this.facts = () => FACTS;
    this.#events = new EventStreams({
      board: this.board,
      status: () => ({
        topics: topics.map((name, id) => ({
          ...{ id, name, hidden: this.board.hidden(id) },
          ...this.facts(id, name),
        })),
        hops: this.hops,
      }),
      ended: () => this.ended,
    });
    this.#server = new DashboardServer({
      ...{ host: "127.0.0.1", port, tls: null, files: this.#files, events: this.#events },
      login: token === undefined ? null : new Login(token),
      about: { tenant: "acme", client: "desk", historyMs, bucketMs: this.board.bucketMs },
      history: (topic) => ({ boot: this.#events.boot, series: this.board.history(topic) }),
      seen: (topic) => this.seen(topic),
      log: pino({ level: "silent" }),
    });
  }

  get url(): string {
    return this.#server.url;
  }

  async start(): Promise<void> {
    await this.#files.load();
    this.#events.start();
    await this.#server.start();
  }

  async stop(): Promise<void> {
    this.#events.stop();
    await this.#server.stop();
  }

  /** How many are connected. */
  get streams(): number {
    return this.#events.size;
  }

  /** As a network does: the server lives on. */
  breakStreams(): void {
    this.#events.stop();
    this.#events.start();
  }

  /** One value, as if it had just been read. */
  add(sample: Partial<Sample>): void {
    const nowMs = Date.now();
    this.board.add({
      ...{ topic: 0, producer: "pi-01", name: "temp", unit: "Cel", value: 21.5 },
      ...{ timeMs: nowMs, arrivedMs: nowMs, isSynced: true, ...sample },
    });
  }
}
