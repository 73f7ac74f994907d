/** A consumer's side of the scheme, epoch by epoch, computed in a worker thread. */
import { VeilError } from "../../core/errors.ts";
import { WorkerPool } from "../../core/runtime/workers.ts";
import type { Realm } from "../../core/scheme/context.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { encodeEpoch, encodeHalves } from "../../core/wire/parameters.ts";
import type { SchemeTask } from "./scheme-worker.ts";

const MAX_QUEUED = 4096;
const IDLE_MS = 30_000;

/** The consumer's side in one epoch. It stays what it is when the credential changes: halves never do. */
export interface EpochScheme {
  readonly realm: Realm;
  /** The trapdoor of a topic, UEnc under the consumer's tag half. */
  trapdoor(topic: string): Promise<Buffer>;
  /** UDec: the IKM of PROTOCOL.md §3. Throws BAD_KEY if V is none. */
  unwrap(released: Buffer): Promise<Buffer>;
}

export class SchemeWorker {
  #credential: Credential;
  readonly #pool = new WorkerPool<SchemeTask, Uint8Array>({
    entry: "agent/consumer/scheme-worker",
    maxWorkers: 1,
    maxQueued: MAX_QUEUED,
    idleMs: IDLE_MS,
  });

  constructor(credential: Credential) {
    this.#credential = credential;
  }

  /** A newer credential. */
  swap(credential: Credential): void {
    this.#credential = credential;
  }

  /** The epochs that there are keys for, the oldest first. */
  get epochs(): number[] {
    const held = new Set(this.#credential.halves.map(({ epoch }) => epoch));
    return this.#credential.epochs
      .map(({ epoch }) => epoch)
      .filter((epoch) => held.has(epoch))
      .sort((a, b) => a - b);
  }

  /** Throws BAD_CREDENTIAL for an epoch that the credential does not cover. */
  of(epoch: number): EpochScheme {
    const { tenant, client, signingKey, epochs, halves } = this.#credential;
    const inForce = epochs.find((each) => each.epoch === epoch);
    const own = halves.find((each) => each.epoch === epoch);
    if (!inForce || !own)
      throw new VeilError("BAD_CREDENTIAL", `the credential does not cover epoch ${epoch}`);
    const task = {
      ...{ tenant, client, signingKey },
      epoch: encodeEpoch(inForce),
      halves: encodeHalves(own),
    };
    const run = async (work: SchemeTask["work"]): Promise<Buffer> =>
      Buffer.from(await this.#pool.run({ ...task, work }));
    return {
      realm: { tenant, epoch },
      trapdoor: (topic) => run({ topic }),
      unwrap: (released) => run({ released }),
    };
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }
}
