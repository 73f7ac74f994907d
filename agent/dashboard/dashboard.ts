/** The field dashboard: a consumer that only looks, and a page that shows what it reads. */

import { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Credential } from "../../core/wire/credential.ts";
import type { Access } from "../consumer/config.ts";
import type { CredentialStore } from "../credential-store.ts";
import { Board } from "./board.ts";
import { EventStreams } from "./events.ts";
import { Files } from "./files.ts";
import type { Limits } from "./limits.ts";
import type { Login } from "./login.ts";
import { lookAt } from "./seen.ts";
import { DashboardServer, type ServerOptions } from "./server.ts";
import { Watch } from "./watch.ts";
import type { Seen } from "./wire.ts";

/** So much of Kafka's past is read at the start, shared out evenly: at some ten thousand a second it must not take long. */
const MAX_HISTORY_RECORDS = 400_000;
const MAX_HISTORY_OF_TOPIC = 20_000;
const ZOOKEEPER_TIMEOUT_MS = 5000;

export interface DashboardOptions extends Pick<ServerOptions, "host" | "port" | "tls"> {
  readonly credential: Credential;
  /** Where newer keys are kept. */
  readonly credentialStore: CredentialStore;
  /** As `WatchOptions`. */
  readonly access?: Access;
  /** Names in clear, in the order of the page. */
  readonly topics: readonly string[];
  readonly login: Login | null;
  readonly limits: Limits;
  /** How far back the charts reach. */
  readonly historyMs: number;
  /** `host:port` to ask what ZooKeeper holds; `null`: it is not asked. */
  readonly zookeeper: string | null;
  readonly log: Logger;
}

export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #files = new Files();
  readonly #board: Board;
  readonly #watch: Watch;
  readonly #events: EventStreams;
  readonly #server: DashboardServer;
  readonly #zookeeper: ZooKeeper | null;

  constructor(options: DashboardOptions) {
    this.#options = options;
    const { credential, credentialStore, topics, limits, historyMs, zookeeper, log } = options;
    this.#board = new Board({ topics, limits, historyMs });
    this.#watch = new Watch({
      access: options.access ?? {},
      ...{ credential, credentialStore, topics, historyMs, log, board: this.#board },
      maxHistoryRecords: historyShare(topics.length),
    });
    this.#events = new EventStreams({
      board: this.#board,
      status: () => ({ topics: this.#watch.topics(), hops: this.#watch.hops() }),
      ended: () => this.#watch.ended,
    });
    this.#zookeeper =
      zookeeper === null
        ? null
        : new ZooKeeper({
            servers: [zookeeper],
            sessionTimeoutMs: ZOOKEEPER_TIMEOUT_MS,
            callTimeoutMs: ZOOKEEPER_TIMEOUT_MS,
            log,
          });
    this.#server = this.#createServer();
  }

  get url(): string {
    return this.#server.url;
  }

  /** Listens. Throws CONFIG where it cannot. */
  async start(): Promise<void> {
    await this.#files.load();
    await this.#zookeeper?.start();
    this.#events.start();
    try {
      await this.#server.start();
    } catch (error) {
      // What began already would keep alive a process that has nothing to show.
      await this.stop();
      throw error;
    }
  }

  /** Reads until `signal` aborts. Throws REVOKED, AUTH; the page goes on until `stop()`, and says so. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#watch.run(signal);
  }

  async stop(): Promise<void> {
    this.#events.stop();
    await this.#server.stop();
    await this.#zookeeper?.stop();
  }

  #createServer(): DashboardServer {
    const { credential, historyMs, host, port, tls, login, log } = this.#options;
    const { tenant, client } = credential;
    return new DashboardServer({
      ...{ host, port, tls, login, log, files: this.#files, events: this.#events },
      about: { tenant, client, historyMs, bucketMs: this.#board.bucketMs },
      history: (topic) => ({ boot: this.#events.boot, series: this.#board.history(topic) }),
      seen: (topic) => this.#seen(topic),
    });
  }

  async #seen(id: number): Promise<Seen | null> {
    const { credential, topics, log } = this.#options;
    const topic = topics[id];
    const zookeeper = this.#zookeeper;
    if (topic === undefined) return null;
    return lookAt(topic, {
      tenant: credential.tenant,
      newest: (name) => this.#watch.newest(name),
      record: (reading) => this.#watch.record(reading),
      node: zookeeper && (async (path) => (await zookeeper.get(path))?.data ?? null),
      onSilent: (party, error) => log.warn({ err: error, party }, "a party does not answer"),
    });
  }
}

/** How many records of each partition. */
function historyShare(topics: number): number {
  return Math.min(MAX_HISTORY_OF_TOPIC, Math.ceil(MAX_HISTORY_RECORDS / Math.max(1, topics)));
}
