/**
 * The lanes of an agent: one for each topic in its configuration, and one for each older stream that the
 * outbox still holds, of another epoch or a topic no longer configured, as far as the credential knows it.
 */
import type { Logger } from "../../../core/runtime/log.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import type { StreamState } from "../outbox/api.ts";
import type { StreamId } from "../outbox/entry.ts";
import { streamIdOf } from "../sealing/stream-id.ts";
import { Lane } from "./lane.ts";
import type { Timings } from "./timings.ts";

const MAX_ALIAS = 0xffff;

/** A configured topic, in the epoch that is sealed for. */
export interface ConfiguredTopic {
  readonly topic: string;
  readonly epoch: number;
  readonly ports: readonly string[];
}

export interface LanesOptions {
  readonly credential: Pick<Credential, "tenant" | "topics" | "epochs">;
  readonly configured: readonly ConfiguredTopic[];
  readonly scheme: { token(epoch: number, topic: string): Promise<Buffer> };
  readonly timings: Timings;
  readonly log: Logger;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<StreamId, Lane>();
  readonly #unknown = new Set<StreamId>();
  /** Every stream that the credential could have made; computed when an old one turns up. */
  #known: Map<StreamId, { topic: string; epoch: number }> | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    for (const { topic, epoch, ports } of options.configured) this.#add(topic, epoch, ports);
  }

  /** All lanes, the configured ones first. */
  all(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** Makes lanes for streams that have something to send and none yet. */
  adopt(streams: readonly StreamState[]): void {
    for (const { stream, depth } of streams) {
      if (this.#lanes.has(stream) || this.#unknown.has(stream)) continue;
      this.#known ??= this.#everyStream();
      const known = this.#known.get(stream);
      if (known && this.#lanes.size < MAX_ALIAS) {
        this.#add(known.topic, known.epoch, []);
        continue;
      }
      this.#unknown.add(stream);
      this.#options.log.warn(
        { entries: depth },
        "the outbox holds entries of a topic that the credential does not grant; they stay there",
      );
    }
  }

  #add(topic: string, epoch: number, ports: readonly string[]): void {
    const { credential, scheme, timings } = this.#options;
    const stream = streamIdOf({ tenant: credential.tenant, epoch }, topic);
    const lane = new Lane({
      stream,
      alias: this.#lanes.size + 1,
      epoch,
      ports,
      computeToken: () => scheme.token(epoch, topic),
      timings,
    });
    this.#lanes.set(stream, lane);
  }

  #everyStream(): Map<StreamId, { topic: string; epoch: number }> {
    const { tenant, topics, epochs } = this.#options.credential;
    const known = new Map<StreamId, { topic: string; epoch: number }>();
    for (const { epoch } of epochs)
      for (const { name, ops } of topics)
        if (ops.includes("pub"))
          known.set(streamIdOf({ tenant, epoch }, name), { topic: name, epoch });
    return known;
  }
}
