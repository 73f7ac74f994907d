/** A consumer's side of the scheme for one epoch, computed in a worker thread. */
import { WorkerPool } from "../../core/runtime/workers.ts";
import type { Realm } from "../../core/scheme/context.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { encodeEpoch, encodeHalves } from "../../core/wire/parameters.ts";
import type { SchemeTask } from "./scheme-worker.ts";

const MAX_QUEUED = 4096;
const IDLE_MS = 30_000;

export class SchemeWorker {
  readonly realm: Realm;
  readonly #own: Omit<SchemeTask, "work">;
  readonly #pool = new WorkerPool<SchemeTask, Uint8Array>({
    entry: "agent/consumer/scheme-worker",
    maxWorkers: 1,
    maxQueued: MAX_QUEUED,
    idleMs: IDLE_MS,
  });

  constructor(credential: Credential) {
    const { tenant, client, signingKey } = credential;
    const newest = newestEpoch(credential);
    this.realm = { tenant, epoch: newest.epoch };
    this.#own = {
      tenant,
      client,
      signingKey,
      epoch: encodeEpoch(newest),
      halves: encodeHalves(newest),
    };
  }

  /** The trapdoor of a topic, UEnc under the consumer's tag half. */
  async trapdoor(topic: string): Promise<Buffer> {
    return this.#run({ topic });
  }

  /** UDec: the IKM of PROTOCOL.md §3. Throws BAD_KEY if V is none. */
  async unwrap(released: Buffer): Promise<Buffer> {
    return this.#run({ released });
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #run(work: SchemeTask["work"]): Promise<Buffer> {
    return Buffer.from(await this.#pool.run({ ...this.#own, work }));
  }
}
