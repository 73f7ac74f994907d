/** Entry of a worker thread that opens records: signature, authentication, padding. It sees no marks and no Kafka. */
import type { KeyObject } from "node:crypto";
import { type ErrorCode, isVeilError } from "../../core/errors.ts";
import { serveWorker } from "../../core/runtime/workers.ts";
import { splitRecord } from "../../core/scheme/record/header.ts";
import type { RecordKey } from "../../core/scheme/record/key.ts";
import { type Opening, openSplit } from "../../core/scheme/record/open.ts";

/** A data key on its way to a thread: a Buffer does not arrive as one. */
export interface SentKey extends Omit<RecordKey, "key" | "iv" | "commit" | "kid" | "binding"> {
  readonly bytes: Record<"key" | "iv" | "commit" | "kid" | "binding", Uint8Array>;
  readonly producerKey: KeyObject;
  readonly signs: boolean;
}

export interface UnsealTask {
  /** Whole records, one behind the other. */
  readonly records: Uint8Array<ArrayBuffer>;
  /** Of each record its length, and which of `keys` it is of. */
  readonly lengths: Uint32Array<ArrayBuffer>;
  readonly keyOf: Uint32Array<ArrayBuffer>;
  readonly keys: readonly SentKey[];
}

export interface UnsealAnswer {
  /** Plaintexts, one behind the other. */
  readonly plaintexts: Uint8Array<ArrayBuffer>;
  /** Of each record the length of its plaintext; of one that did not open -1 - n, for the nth of `refusals`. */
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly refusals: readonly { readonly code: ErrorCode; readonly message: string }[];
}

serveWorker(unseal, ({ plaintexts, lengths }) => [plaintexts.buffer, lengths.buffer]);

function unseal({ records, lengths, keyOf, keys }: UnsealTask): UnsealAnswer {
  const openings = keys.map(openingOf);
  // A plaintext is shorter than its record.
  const plaintexts = new Uint8Array(records.length);
  const answer = new Int32Array(lengths.length);
  const refusals: UnsealAnswer["refusals"][number][] = [];
  let [from, to] = [0, 0];
  for (const [n, length] of lengths.entries()) {
    const opening = openings[keyOf[n] ?? 0];
    if (!opening) continue;
    try {
      const record = records.subarray(from, from + length);
      const plaintext = openSplit(splitRecord(record), opening);
      plaintexts.set(plaintext, to);
      to += plaintext.length;
      answer[n] = plaintext.length;
    } catch (error) {
      if (!isVeilError(error)) throw error;
      refusals.push({ code: error.code, message: error.message });
      answer[n] = -refusals.length;
    }
    from += length;
  }
  return { plaintexts, lengths: answer, refusals };
}

function openingOf({ bytes, producerKey, signs, suite, aead, epoch }: SentKey): Opening {
  const { key, iv, commit, kid, binding } = bytes;
  const [keyBytes, ivBytes, commitBytes] = [Buffer.from(key), Buffer.from(iv), Buffer.from(commit)];
  return {
    ...{ producerKey, signs },
    key: {
      ...{ suite, aead, epoch, key: keyBytes, iv: ivBytes, commit: commitBytes },
      ...{ kid: Buffer.from(kid), binding: Buffer.from(binding) },
    },
  };
}
