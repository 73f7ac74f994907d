/** The Kafka brokers that are registered in ZooKeeper now, and where to reach them. */
import { VeilError } from "../../core/errors.ts";
import type { ZNode } from "../../core/ports/zookeeper/connection.ts";
import { FolderWatch } from "../../core/ports/zookeeper/folder-watch.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { type EndpointChoice, endpointOf } from "./registration.ts";
import { shuffled } from "./shuffled.ts";
import type { BrokerAddresses } from "./types.ts";

const BROKER_ID = /^\d{1,10}$/;

export interface BrokerListOptions {
  readonly zookeeper: ZooKeeper;
  readonly log: Logger;
  /** Where Kafka has its nodes, e.g. `/kafka`; the root of ZooKeeper if not given. */
  readonly kafkaRoot?: string | undefined;
  /** The first endpoint with security protocol PLAINTEXT if not given. */
  readonly endpoint?: EndpointChoice;
  /** How long `addresses()` waits for the first reading. */
  readonly firstReadTimeoutMs: number;
}

/** Follows `/brokers/ids`. What was read stays while ZooKeeper is out of reach; `ageMs()` says for how long. */
export class BrokerList implements BrokerAddresses {
  readonly name = "brokers";
  readonly #options: BrokerListOptions;
  readonly #folder: FolderWatch;
  readonly #addresses = new Map<number, string>();

  constructor(options: BrokerListOptions) {
    this.#options = options;
    this.#folder = new FolderWatch({
      zookeeper: options.zookeeper,
      path: `${options.kafkaRoot ?? ""}/brokers/ids`,
      onNode: (name, node) => this.#set(name, node),
      onGone: (name) => this.#addresses.delete(Number(name)),
    });
  }

  /** Begins to follow, and returns without waiting for the first reading. */
  async start(): Promise<void> {
    this.#folder.start();
  }

  async stop(): Promise<void> {
    this.#folder.stop();
  }

  /**
   * `host:port` of all brokers, in random order: to be given to kafkajs as its `brokers`. Waits for the first
   * reading. Throws UNAVAILABLE without one, or where no broker has the endpoint.
   */
  async addresses(): Promise<string[]> {
    await this.#folder.whenSynced(this.#options.firstReadTimeoutMs);
    if (this.#addresses.size === 0)
      throw new VeilError("UNAVAILABLE", "no Kafka broker with the endpoint is in ZooKeeper");
    return shuffled([...this.#addresses.values()]);
  }

  /** `host:port` of one broker; `null` where it is not registered, or not with the endpoint. */
  addressOf(brokerId: number): string | null {
    return this.#addresses.get(brokerId) ?? null;
  }

  /** Resolves when the first reading is done. Rejects with UNAVAILABLE after `timeoutMs`, STOPPED after `stop()`. */
  async whenSynced(timeoutMs: number): Promise<void> {
    return this.#folder.whenSynced(timeoutMs);
  }

  /** How long ago ZooKeeper confirmed the list; Infinity before the first reading. */
  ageMs(): number {
    return this.#folder.ageMs();
  }

  #set(name: string, { data }: ZNode): void {
    if (!BROKER_ID.test(name)) return;
    const endpoint = endpointOf(data, this.#options.endpoint ?? { securityProtocol: "PLAINTEXT" });
    if ("address" in endpoint) {
      this.#addresses.set(Number(name), endpoint.address);
      return;
    }
    this.#addresses.delete(Number(name));
    const { problem } = endpoint;
    this.#options.log.warn({ broker: Number(name), problem }, "a Kafka broker cannot be used");
  }
}
