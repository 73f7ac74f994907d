/** A consumer's side of the scheme for one epoch, computed in a worker thread. */
import { WorkerPool } from "../../core/runtime/workers.ts";
import type { Realm } from "../../core/scheme/context.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import type { SchemeTask } from "./scheme-worker.ts";

const MAX_QUEUED = 4096;
const IDLE_MS = 30_000;

export class SchemeWorker {
  readonly realm: Realm;
  readonly #epoch: ReturnType<typeof newestEpoch>;
  readonly #pool = new WorkerPool<SchemeTask, Uint8Array>({
    entry: "agent/consumer/scheme-worker",
    maxWorkers: 1,
    maxQueued: MAX_QUEUED,
    idleMs: IDLE_MS,
  });

  constructor(credential: Credential) {
    this.#epoch = newestEpoch(credential);
    this.realm = { tenant: credential.tenant, epoch: this.#epoch.epoch };
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
    const { parameters, halves } = this.#epoch;
    return Buffer.from(await this.#pool.run({ realm: this.realm, parameters, halves, work }));
  }
}
