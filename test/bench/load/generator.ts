/**
 * A process of its own that publishes: what is measured must not share its thread. It takes one order after the other
 * over its IPC channel and answers each.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { VeilError } from "../../../core/errors.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import { Histogram } from "./histogram.ts";
import type { Load, LoadResult } from "./load.ts";
import type { PublisherOptions } from "./publisher.ts";

const ENTRY = packageFile("dist", "test", "bench", "load", "generator-process.js");

/** What the process is told. Publishers have names, so that several groups can stand ready. */
export type Order =
  | { readonly open: string; readonly publishers: readonly PublisherOptions[] }
  | { readonly run: string; readonly load: Load; readonly seconds: number }
  | { readonly close: string };

/** What it answers. */
export type Answer =
  | { readonly done: true }
  | { readonly acknowledged: number; readonly seconds: number; readonly latencies: number[] }
  | { readonly error: string };

export class Generator {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static start(): Generator {
    // Buffers cross as they are.
    return new Generator(fork(ENTRY, { serialization: "advanced" }));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Connects and greets; resolves when all may publish. */
  async open(group: string, publishers: readonly PublisherOptions[]): Promise<void> {
    await this.#ask({ open: group, publishers });
  }

  async run(group: string, load: Load, seconds: number): Promise<LoadResult> {
    const answer = await this.#ask({ run: group, load, seconds });
    if (!("latencies" in answer)) throw new VeilError("INTERNAL", "the generator gave no result");
    return { ...answer, latencies: new Histogram(answer.latencies) };
  }

  async close(group: string): Promise<void> {
    await this.#ask({ close: group });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }

  async #ask(order: Order): Promise<Answer> {
    const gone = new AbortController();
    const answered = once(this.#child, "message", { signal: gone.signal });
    const exited = once(this.#child, "exit", { signal: gone.signal }).then(() => undefined);
    this.#child.send(order);
    const answer = await Promise.race([answered, exited]);
    gone.abort();
    for (const promise of [answered, exited]) promise.catch(() => undefined);
    if (!answer) throw new VeilError("INTERNAL", "the generator ended");
    const [message]: [Answer] = [answer[0]];
    if ("error" in message) throw new VeilError("UNAVAILABLE", `the generator: ${message.error}`);
    return message;
  }
}
