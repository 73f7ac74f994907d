/** A device's side of the scheme, computed in a worker thread so that the serial lines are read meanwhile. */
import { VeilError } from "../../../core/errors.ts";
import { WorkerPool } from "../../../core/runtime/workers.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import { encodeEpoch, encodeHalves } from "../../../core/wire/parameters.ts";
import type { SchemeAnswer, SchemeTask } from "./scheme-worker.ts";

/** A data key for each configured topic, and the token of one registration at a time. */
const MAX_QUEUED = 1024;
/** A key lasts for a week: until the next one, the thread would take 6 MiB for nothing. */
const IDLE_MS = 2000;

/** A fresh data key before derivation: `ikm` is the secret, `wrapped` the W of its announcement. */
export interface WrappedKey {
  readonly ikm: Buffer;
  readonly wrapped: Buffer;
}

export class Scheme {
  #credential: Credential;
  readonly #pool = new WorkerPool<SchemeTask, SchemeAnswer>({
    entry: "agent/device/sealing/scheme-worker",
    maxWorkers: 1,
    maxQueued: MAX_QUEUED,
    idleMs: IDLE_MS,
  });

  constructor(options: { credential: Credential }) {
    this.#credential = options.credential;
  }

  /** A newer credential: halves of an epoch never change, so what was begun goes on. */
  swap(credential: Credential): void {
    this.#credential = credential;
  }

  /** UEnc: the token of a topic (PROTOCOL.md §2). Throws BAD_CREDENTIAL for an epoch it does not have. */
  async token(epoch: number, topic: string): Promise<Buffer> {
    const { token } = await this.#run(epoch, { topic });
    return received(token);
  }

  /** A fresh r and its wrapping (PROTOCOL.md §3). Throws BAD_CREDENTIAL for an epoch it does not have. */
  async wrap(epoch: number): Promise<WrappedKey> {
    const { ikm, wrapped } = await this.#run(epoch, "wrap");
    return { ikm: received(ikm), wrapped: received(wrapped) };
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #run(epoch: number, work: SchemeTask["work"]): Promise<SchemeAnswer> {
    const { tenant, epochs, halves } = this.#credential;
    const inForce = epochs.find((entry) => entry.epoch === epoch);
    const own = halves.find((entry) => entry.epoch === epoch)?.halves;
    if (!inForce || !own)
      throw new VeilError("BAD_CREDENTIAL", `the credential does not cover epoch ${epoch}`);
    return this.#pool.run({
      tenant,
      epoch: encodeEpoch(inForce),
      // A producer needs its tag half only.
      halves: encodeHalves({ epoch, halves: { tag: own.tag } }),
      work,
    });
  }
}

/** Buffers cross between threads as plain Uint8Arrays. */
function received(bytes: Uint8Array | undefined): Buffer {
  if (!bytes) throw new VeilError("INTERNAL", "the scheme's worker gave no answer");
  return Buffer.from(bytes);
}
