/** Where Kafka is and who leads what, whoever knows it: ZooKeeper, or the brokers themselves. */

export interface Leader {
  readonly partition: number;
  /** `host:port`; `null` where there is no leader now, or its broker is not known. */
  readonly leader: string | null;
}

export interface BrokerAddresses {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** `host:port` of the brokers, in random order. Throws UNAVAILABLE where none is known. */
  addresses(): Promise<string[]>;
}

export interface Leaders {
  readonly name: string;
  stop(): Promise<void>;
  /**
   * By partition; `null` where there is no such topic. Throws UNAVAILABLE and the like where it cannot be told now, LIMIT
   * where too many are asked for at once, BAD_ARGUMENT for what cannot be a topic's name, STOPPED.
   */
  leaders(topic: string): Promise<Leader[] | null>;
}
