/**
 * MQTT topics of publishes, parsed once: a fleet's devices use the same few. Kept for all sessions together, since what is kept
 * for each of thousands is not in the processor's cache when it is wanted.
 */
import { parseUpstream, type UpstreamTopic } from "../../core/wire/mqtt.ts";

const MAX_KNOWN = 4096;

export class UpstreamTopics {
  readonly #known = new Map<string, UpstreamTopic>();
  /** Most publishes have the topic of the one before, of whichever device: to compare strings costs less than to hash a new one. */
  #last = "";
  #lastParsed: UpstreamTopic | null = null;

  /** As `parseUpstream`. */
  parse(topic: string): UpstreamTopic | null {
    if (topic !== this.#last) {
      this.#lastParsed = this.#known.get(topic) ?? this.#learn(topic);
      this.#last = topic;
    }
    return this.#lastParsed;
  }

  #learn(topic: string): UpstreamTopic | null {
    const upstream = parseUpstream(topic);
    if (!upstream) return null;
    // Who uses ever new ones makes the others be parsed again, no more.
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(topic, upstream);
    return upstream;
  }
}
