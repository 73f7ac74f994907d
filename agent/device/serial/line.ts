/**
 * Keeps one serial line alive, for years: open, serve, and after every failure open again, with a pause
 * that grows, so that nothing spins. What is done with a connection is the caller's (`serve`).
 */
import { isVeilError, VeilError } from "../../../core/errors.ts";
import { openSerial, type SerialConnection, TURN_MS } from "../../../core/ports/serial/serial.ts";
import type { SerialSettings } from "../../../core/ports/serial/settings.ts";
import { Backoff } from "../../../core/runtime/backoff.ts";
import { Pulse } from "../../../core/runtime/pulse.ts";

const RETRY = { minMs: 250, maxMs: 5000 };
/** A connection that lasts as long was a good one: after it the pauses are short again. */
const GOOD_CONNECTION_MS = 10_000;
/** What opening a port, or handing on what was read, may take before the loop counts as hanging. */
const SLACK_MS = 60_000;

/** `lost` is told once per reason, not once per attempt. */
export type LineState =
  | { readonly state: "open" }
  | { readonly state: "lost"; readonly error: VeilError };

export interface SerialLineOptions {
  readonly path: string;
  readonly settings: SerialSettings;
  /**
   * Works with one connection until it ends; a rejection ends it too, and is the reason that is told.
   * Called anew for every connection, never twice at a time.
   */
  readonly serve: (connection: SerialConnection) => Promise<void>;
  /** Told of every change, for the log and the metrics. Must not throw. */
  readonly onState: (state: LineState) => void;
  /** See `SerialOptions`. */
  readonly restMs?: number;
  readonly retry?: { readonly minMs: number; readonly maxMs: number };
}

export class SerialLine {
  readonly pulse: Pulse;
  readonly #options: SerialLineOptions;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  #loop: Promise<void> | null = null;
  #told = "";

  constructor(options: SerialLineOptions) {
    this.#options = options;
    this.pulse = new Pulse(`port ${options.path}`);
    this.#backoff = new Backoff(options.retry ?? RETRY);
  }

  /** Begins; does not wait for the port, which may be plugged in next week. */
  start(): void {
    this.#loop ??= this.#run(this.#stop.signal);
  }

  /** Closes the port; resolves when `serve` has returned. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    this.pulse.rest();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const error = await this.#connect(signal).catch(asVeilError);
      if (signal.aborted) return;
      this.#tell({ state: "lost", error });
      this.#turned();
      await this.#backoff.wait(signal);
    }
  }

  /** One connection, from open to end; returns why it ended. Throws what `open` and `serve` throw. */
  async #connect(signal: AbortSignal): Promise<VeilError> {
    const { path, settings, serve, restMs = 0 } = this.#options;
    const onTurn = (): void => this.#turned();
    this.#turned();
    const connection = await openSerial({ path, ...settings, restMs, onTurn, signal });
    this.#tell({ state: "open" });
    const openedMs = performance.now();
    try {
      await serve(connection);
    } finally {
      await connection.close();
      if (performance.now() - openedMs > GOOD_CONNECTION_MS) this.#backoff.reset();
    }
    return (await connection.closed) ?? new VeilError("DISCONNECTED", `${path} was let go`);
  }

  #turned(): void {
    this.pulse.beat(TURN_MS + SLACK_MS);
  }

  #tell(state: LineState): void {
    const what = state.state === "open" ? "open" : `${state.error.code} ${state.error.message}`;
    if (what !== this.#told) this.#options.onState(state);
    this.#told = what;
  }
}

function asVeilError(error: unknown): VeilError {
  return isVeilError(error)
    ? error
    : new VeilError("INTERNAL", "reading the line failed", { cause: error });
}
