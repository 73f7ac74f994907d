/**
 * Serving a device that speaks only when it is asked: one request at a time, each with a time for its answer. A
 * device that does not answer is asked again in the next round; nothing here ever gives up.
 */
import type { SerialConnection } from "../../../core/ports/serial/serial.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import type { Frame, Framer } from "../framing/framer.ts";
import type { Poll } from "../profile/polling.ts";

/** Between an answer and the next request: above the 3.5 characters of Modbus RTU down to 2400 baud (16 ms). */
const BETWEEN_MS = 20;

export interface PollOptions {
  readonly framer: Framer;
  /** Sent once on every connection. */
  readonly start: readonly Buffer[];
  readonly round: readonly Poll[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Takes the frames that arrived together, in order; never called twice at a time. */
  readonly onFrames: (frames: readonly Frame[]) => Promise<void>;
}

/** For `SerialLine`: each connection begins with nothing of the one before. */
export function poll(options: PollOptions): (connection: SerialConnection) => Promise<void> {
  return async (connection) => {
    options.framer.reset();
    const end = new AbortController();
    const conversation = new Conversation(options, connection, end.signal);
    await Promise.all([conversation.listen().finally(() => end.abort()), conversation.ask()]);
  };
}

class Conversation {
  readonly #options: PollOptions;
  readonly #connection: SerialConnection;
  readonly #signal: AbortSignal;
  /** What came since the last request. */
  #answers: Buffer[] = [];
  #answered: () => void = () => undefined;
  #delivering: Promise<void> = Promise.resolve();

  constructor(options: PollOptions, connection: SerialConnection, signal: AbortSignal) {
    this.#options = options;
    this.#connection = connection;
    this.#signal = signal;
  }

  /** Until the connection ends. */
  async listen(): Promise<void> {
    const { framer } = this.#options;
    try {
      for await (const chunk of this.#connection.bytes) await this.#take(framer.push(chunk));
    } finally {
      // A whole frame may still wait for what would have followed.
      await this.#take(framer.flush());
    }
  }

  async ask(): Promise<void> {
    const { start, intervalMs } = this.#options;
    for (const request of start) await this.#exchange(request);
    while (!this.#signal.aborted) {
      const dueMs = performance.now() + intervalMs;
      await this.#askRound();
      await pause(Math.max(BETWEEN_MS, dueMs - performance.now()), this.#signal);
    }
  }

  async #askRound(): Promise<void> {
    const heard: Buffer[] = [];
    for (const { request, isDue } of this.#options.round)
      if (isDue(heard)) heard.push(...(await this.#exchange(request)));
  }

  /** The frames that answered; none if none did in time, and in the same time again for one that is late. */
  async #exchange(request: Buffer): Promise<Buffer[]> {
    const { framer, timeoutMs } = this.#options;
    if (this.#signal.aborted) return [];
    await this.#take(framer.flush());
    this.#answers = [];
    framer.expect(request);
    await this.#connection.write(request);
    for (let patience = 2; patience > 0 && this.#answers.length === 0; patience--) {
      await this.#answerOr(timeoutMs);
      // What seemed to begin a frame may have hidden the answer.
      if (this.#answers.length === 0) await this.#take(framer.flush());
    }
    await pause(BETWEEN_MS, this.#signal);
    return this.#answers;
  }

  /** By hand: of `AbortSignal.any` the signal that lives as long as the connection would keep a piece for every wait. */
  async #answerOr(timeoutMs: number): Promise<void> {
    if (this.#signal.aborted) return;
    const waiting = new AbortController();
    const end = (): void => waiting.abort();
    this.#answered = end;
    this.#signal.addEventListener("abort", end, { once: true });
    await pause(timeoutMs, waiting.signal);
    this.#signal.removeEventListener("abort", end);
  }

  async #take(frames: readonly Frame[]): Promise<void> {
    if (frames.length === 0) return;
    const { onFrames } = this.#options;
    this.#delivering = this.#delivering.then(() => onFrames(frames));
    this.#answers.push(...frames.map(({ bytes }) => bytes));
    this.#answered();
    await this.#delivering;
  }
}
