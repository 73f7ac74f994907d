/** Kafka messages by their headers alone: what may be a record, and where in its producer's stream. */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { FeedBatch } from "../../core/ports/kafka/feed.ts";
import type { KafkaMessage } from "../../core/ports/kafka/record-batch.ts";
import { type RecordParts, splitRecord } from "../../core/scheme/record/header.ts";
import type { Marks, Position } from "./marks.ts";

/** A message that is a record, by its header, and its place in its producer's stream. */
export interface Candidate extends Position {
  readonly message: KafkaMessage;
  readonly parts: RecordParts;
  /** The kid, b64url. */
  readonly kidText: string;
}

/** Reads headers one after the other: mostly of the producer and the key that the one before was of. */
export class HeaderReader {
  readonly #producer = new LastText("hex");
  readonly #kid = new LastText("hex");
  readonly #kidText = new LastText("base64url");

  /** Throws BAD_RECORD. */
  read(message: KafkaMessage): Candidate {
    const { key, value } = message;
    if (!key || !value)
      throw new VeilError("BAD_RECORD", "the Kafka message has no key or no value");
    const parts = splitRecord(value);
    const { kid, seq } = parts.header;
    return {
      message,
      parts,
      producer: this.#producer.of(key),
      kid: this.#kid.of(kid),
      kidText: this.#kidText.of(kid),
      seq,
    };
  }
}

/** Moves `marks` past a batch by its headers alone: for what was read before, without a checkpoint of it. */
export function observeHeaders(batch: FeedBatch, marks: Marks): void {
  const headers = new HeaderReader();
  for (const message of batch.messages)
    try {
      const candidate = headers.read(message);
      if (!marks.isRepeat(candidate)) marks.advance(candidate);
    } catch (error) {
      // What is no record was rejected when it was read.
      if (!isVeilError(error)) throw error;
    }
}

/** Bytes as text; the same bytes again cost a comparison. */
class LastText {
  readonly #encoding: "hex" | "base64url";
  #bytes = Buffer.alloc(0);
  #text = "";

  constructor(encoding: "hex" | "base64url") {
    this.#encoding = encoding;
  }

  of(bytes: Buffer): string {
    if (!this.#bytes.equals(bytes)) {
      // A copy: the bytes are part of a whole fetch.
      this.#bytes = Buffer.from(bytes);
      this.#text = bytes.toString(this.#encoding);
    }
    return this.#text;
  }
}
