/**
 * The lanes of an agent: one for each topic in its configuration, in the newest epoch of its credential, and one for
 * each older stream that the outbox still holds, of another epoch or a topic no longer configured. What is left of a
 * topic's older epoch goes before the newer one (PROTOCOL.md §4, Epochs): under its own alias, and when its grace window
 * is over under the newest one's. What the bridge has no keys for any more stays in the outbox.
 */
import type { Logger } from "../../../core/runtime/log.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import type { OutboxReader } from "../outbox/api.ts";
import type { StreamId } from "../outbox/entry.ts";
import { streamIdOf } from "../sealing/stream-id.ts";
import { Lane } from "./lane.ts";
import type { Timings } from "./timings.ts";

const MAX_ALIAS = 0xffff;
/** How far back epochs are looked for that the credential does not have any more. */
const FORGOTTEN_EPOCHS = 64;
const STRANDED_HINT =
  "the device was off for too long, or the keys were given up (`veilmq kms rotate --compromised`); they go when the outbox needs the room";

/** A configured topic. */
export interface ConfiguredTopic {
  readonly topic: string;
  readonly ports: readonly string[];
}

export type LanesCredential = Pick<Credential, "tenant" | "topics" | "epochs" | "halves">;

export interface LanesOptions {
  readonly credential: LanesCredential;
  readonly configured: readonly ConfiguredTopic[];
  readonly outbox: Pick<OutboxReader, "streams" | "depthOf">;
  readonly scheme: { token(epoch: number, topic: string): Promise<Buffer> };
  readonly timings: Timings;
  readonly log: Logger;
}

/** What the outbox holds besides the newest epoch. */
export interface OlderEntries {
  /** On their way, before anything newer of their topic. */
  readonly waiting: number;
  /** Nothing can send them any more. */
  readonly stranded: number;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #lanes = new Map<StreamId, Lane>();
  /** The lanes of each topic. */
  readonly #byTopic = new Map<string, Lane[]>();
  /** Streams that readings are sealed for. */
  readonly #live = new Set<StreamId>();
  /** Streams that cannot be sent: no key is left, or no grant. */
  readonly #unsendable = new Set<StreamId>();
  #credential: LanesCredential;
  #epoch = 0;
  #version = 0;
  /** Every stream that this client could have made; computed when an old one turns up. */
  #known: Map<StreamId, { topic: string; epoch: number }> | undefined;

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#credential = options.credential;
    this.swap(options.credential);
  }

  /** Grows with every swap. */
  get version(): number {
    return this.#version;
  }

  /** What is sealed for now. */
  get epoch(): number {
    return this.#epoch;
  }

  /** A newer credential: lanes for its newest epoch; what was refused before may be taken now. */
  swap(credential: LanesCredential): void {
    this.#credential = credential;
    this.#epoch = Math.max(...credential.epochs.map(({ epoch }) => epoch));
    this.#known = undefined;
    for (const stream of this.#unsendable)
      if (!this.#lanes.has(stream)) this.#unsendable.delete(stream);
    for (const lane of this.#lanes.values()) {
      for (const stream of lane.streams) this.#dropUncovered(lane, stream);
      if (!this.#covers(lane.epoch)) lane.end();
      else if (!lane.isOver) lane.unpark();
    }
    this.#live.clear();
    for (const { topic, ports } of this.#options.configured)
      this.#live.add(this.#add(topic, this.#epoch, ports));
    this.#version++;
  }

  /** All lanes. */
  all(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** Whether there is anything to register a lane for: readings may come, or some are left. */
  isNeeded(lane: Lane): boolean {
    if (lane.isOver) return false;
    const { outbox } = this.#options;
    return this.#live.has(lane.stream) || lane.streams.some((stream) => outbox.depthOf(stream) > 0);
  }

  /** Makes lanes for streams that have something to send and none yet. */
  adopt(): void {
    for (const { stream } of this.#options.outbox.streams()) {
      if (this.#lanes.has(stream) || this.#unsendable.has(stream)) continue;
      this.#known ??= this.#everyStream();
      const known = this.#known.get(stream);
      if (known && this.#covers(known.epoch) && this.#lanes.size < MAX_ALIAS)
        this.#add(known.topic, known.epoch, []);
      else this.#keep(stream, known?.epoch);
    }
  }

  /**
   * The bridge says that this lane's epoch is not in force. The newest one will be, in a moment or with the next mail;
   * of an older one the grace window is over: what is left goes under the newest alias of the topic.
   */
  refusedEpoch(lane: Lane): void {
    if (lane.epoch >= this.#epoch) {
      lane.parkBriefly();
      return;
    }
    if (lane.isOver) return;
    lane.end();
    const topic = [...this.#byTopic].find(([, lanes]) => lanes.includes(lane))?.[0];
    const heir = topic && this.#lanes.get(this.#add(topic, this.#epoch, lane.ports));
    if (heir) heir.inherit(lane.streams);
    const { log, outbox } = this.#options;
    const entries = lane.streams.reduce((sum, stream) => sum + outbox.depthOf(stream), 0);
    if (entries > 0)
      log.info(
        { entries, epoch: lane.epoch },
        "the names of an older epoch have ended: what is left of it goes under the newest",
      );
    this.#version++;
  }

  /** The bridge does not even take the records of `stream`, which went under the alias of `lane`, a newer one. */
  refusedRecords(lane: Lane, stream: StreamId): void {
    lane.disown(stream);
    this.#keep(stream, this.#lanes.get(stream)?.epoch);
    this.#version++;
  }

  older(): OlderEntries {
    let waiting = 0;
    let stranded = 0;
    for (const { stream, depth } of this.#options.outbox.streams()) {
      const lane = this.#lanes.get(stream);
      if (this.#unsendable.has(stream)) stranded += depth;
      else if (lane && lane.epoch < this.#epoch) waiting += depth;
    }
    return { waiting, stranded };
  }

  #add(topic: string, epoch: number, ports: readonly string[]): StreamId {
    const { scheme, timings } = this.#options;
    const stream = streamIdOf({ tenant: this.#credential.tenant, epoch }, topic);
    if (this.#lanes.has(stream)) return stream;
    const ofTopic = this.#byTopic.get(topic) ?? [];
    const lane = new Lane({
      stream,
      alias: this.#lanes.size + 1,
      epoch,
      ports,
      elders: () => ofTopic.filter((other) => other.epoch < epoch && !other.isOver),
      isFresh: this.#version > 0 && ports.length > 0,
      computeToken: () => scheme.token(epoch, topic),
      timings,
    });
    this.#byTopic.set(topic, ofTopic);
    ofTopic.push(lane);
    this.#lanes.set(stream, lane);
    return stream;
  }

  #dropUncovered(lane: Lane, stream: StreamId): void {
    const epoch = this.#lanes.get(stream)?.epoch;
    if (epoch === undefined || this.#covers(epoch)) return;
    lane.disown(stream);
    this.#keep(stream, epoch);
  }

  /** It cannot be sent; `epoch`: where it is one that is over. */
  #keep(stream: StreamId, epoch: number | undefined): void {
    const { log, outbox } = this.#options;
    const entries = outbox.depthOf(stream);
    if (this.#unsendable.has(stream) || entries === 0) return;
    this.#unsendable.add(stream);
    if (epoch === undefined)
      log.warn(
        { entries },
        "the outbox holds entries of a topic that the credential does not grant; they stay there",
      );
    else
      log.warn(
        { entries, epoch, hint: STRANDED_HINT },
        "the outbox holds entries of an epoch that no bridge takes any more; they stay there",
      );
  }

  #covers(epoch: number): boolean {
    const { epochs, halves } = this.#credential;
    return (
      epochs.some((each) => each.epoch === epoch) && halves.some((each) => each.epoch === epoch)
    );
  }

  #everyStream(): Map<StreamId, { topic: string; epoch: number }> {
    const { tenant, topics } = this.#credential;
    const known = new Map<StreamId, { topic: string; epoch: number }>();
    const first = Math.max(0, this.#epoch - FORGOTTEN_EPOCHS);
    for (let epoch = first; epoch <= this.#epoch; epoch++)
      for (const { name, ops } of topics)
        if (ops.includes("pub"))
          known.set(streamIdOf({ tenant, epoch }, name), { topic: name, epoch });
    return known;
  }
}
