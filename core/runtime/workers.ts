/**
 * A small pool of worker threads for mathematics that would block the event loop.
 * Workers start one after the other, the first with the first task, end after `idleMs` without one, and each takes one
 * task at a time: what waits, waits here, bounded by `maxQueued`.
 */
import { createRequire } from "node:module";
import { type MessagePort, parentPort, type TransferListItem, Worker } from "node:worker_threads";
import { type ErrorCode, isVeilError, VeilError } from "../errors.ts";

/**
 * A task leaves nothing behind but garbage: with more room for it a thread fills the room, 90 MB where the program's
 * semi-spaces were 16.
 */
const YOUNG_GENERATION_MB = 6;

export interface WorkerPoolOptions {
  /** The compiled entry below dist/, without `.js`: e.g. `bridge/matching/proxy-worker`. */
  readonly entry: string;
  readonly maxWorkers: number;
  readonly maxQueued: number;
  readonly idleMs: number;
}

type Reply = { result: unknown } | { error: { code: ErrorCode; message: string } };

/** The first that a worker says: it has started. */
const READY = "ready";

interface Task {
  readonly message: unknown;
  readonly transfer: readonly TransferListItem[];
  /** It cannot be given to another worker: one has ended in it before, or what it is about went to the first one. */
  isSpent: boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Slot {
  readonly worker: Worker;
  isReady: boolean;
  task: Task | undefined;
  idle: NodeJS.Timeout | undefined;
}

// The compiled file, also when this module itself runs as TypeScript: a worker thread cannot load TypeScript.
const resolveWorker = createRequire(import.meta.url).resolve;

export class WorkerPool<Message, Result> {
  readonly #options: WorkerPoolOptions;
  readonly #slots = new Set<Slot>();
  readonly #queue: Task[] = [];
  #stopped = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /**
   * Runs one task. Rejects with what the worker threw, LIMIT if too many wait, STOPPED after `stop()`. What is in
   * `transfer` goes to the worker without a copy, and is not the caller's any more. A task without it whose worker thread
   * ends is given to another one, once: it must do nothing but compute. UNAVAILABLE if that ends, too.
   */
  async run(message: Message, transfer: readonly TransferListItem[] = []): Promise<Result> {
    if (this.#stopped) throw new VeilError("STOPPED", "the worker pool is stopped");
    if (this.#queue.length >= this.#options.maxQueued)
      throw new VeilError("LIMIT", "too many computations wait");
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ message, transfer, isSpent: transfer.length > 0, resolve, reject });
      this.#next();
    });
    return result as Result;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const error = new VeilError("STOPPED", "the worker pool is stopped");
    for (const task of this.#queue.splice(0)) task.reject(error);
    await Promise.all([...this.#slots].map((slot) => slot.worker.terminate()));
  }

  #next(): void {
    let slot = [...this.#slots].find((s) => s.task === undefined);
    if (!slot && this.#mayOpen()) slot = this.#open();
    const task = slot && this.#queue.shift();
    if (!slot || !task) return;
    clearTimeout(slot.idle);
    slot.task = task;
    slot.worker.ref();
    slot.worker.postMessage(task.message, task.transfer);
  }

  /** One after the other: to start takes a processor for itself, and the event loop is to have one meanwhile. */
  #mayOpen(): boolean {
    if (this.#slots.size >= this.#options.maxWorkers) return false;
    return [...this.#slots].every(({ isReady }) => isReady);
  }

  #open(): Slot {
    const worker = new Worker(resolveWorker(`#workers/${this.#options.entry}`), {
      // Flags of the program that uses us, such as --input-type, are not for our files.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const slot: Slot = { worker, isReady: false, task: undefined, idle: undefined };
    worker.on("message", (reply: Reply | typeof READY) => {
      if (reply === READY) this.#ready(slot);
      else this.#finish(slot, reply);
    });
    worker.on("error", (cause) => this.#lost(slot, cause));
    worker.on("exit", () => this.#lost(slot, undefined));
    this.#slots.add(slot);
    return slot;
  }

  #ready(slot: Slot): void {
    slot.isReady = true;
    this.#next();
  }

  #finish(slot: Slot, reply: Reply): void {
    const task = slot.task;
    slot.task = undefined;
    slot.worker.unref();
    slot.idle = setTimeout(() => this.#dismiss(slot), this.#options.idleMs).unref();
    if ("error" in reply) task?.reject(new VeilError(reply.error.code, reply.error.message));
    else task?.resolve(reply.result);
    this.#next();
  }

  /** It takes some time to end, in which it must not be given a task any more. */
  #dismiss(slot: Slot): void {
    this.#slots.delete(slot);
    void slot.worker.terminate();
  }

  #lost(slot: Slot, cause: unknown): void {
    clearTimeout(slot.idle);
    if (!this.#slots.delete(slot)) return;
    const { task } = slot;
    if (this.#stopped) {
      task?.reject(new VeilError("STOPPED", "the worker pool is stopped"));
      return;
    }
    if (task?.isSpent)
      task.reject(new VeilError("UNAVAILABLE", "a worker thread ended in its task", { cause }));
    else if (task) this.#queue.unshift(Object.assign(task, { isSpent: true }));
    this.#next();
  }
}

/**
 * In a worker's entry file: answers each message with what `handle` returns or throws, or what comes of its promise. What
 * `transferOf` names of a result goes back without a copy.
 */
export function serveWorker<Message, Result>(
  handle: (message: Message) => Result | Promise<Result>,
  transferOf: (result: Result) => TransferListItem[] = () => [],
): void {
  const port: MessagePort | null = parentPort;
  if (!port) throw new VeilError("INTERNAL", "this file is the entry of a worker thread");
  const answer = async (message: Message): Promise<void> => {
    try {
      const result = await handle(message);
      port.postMessage({ result }, transferOf(result));
    } catch (error) {
      const known = isVeilError(error);
      const code = known ? error.code : "INTERNAL";
      port.postMessage({
        error: { code, message: known ? error.message : "a computation failed" },
      });
    }
  };
  port.on("message", (message: Message) => void answer(message));
  port.postMessage(READY);
}
