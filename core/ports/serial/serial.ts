/**
 * A serial port, the only place that knows `serialport`. Of that package only the binding is used (open
 * with termios and a lock, and a poller for readiness); its stream is left out, because
 * - a port that hangs up in traffic gives it no event and a busy loop: see tty-read.ts;
 * - it queues what is written to a closed port and delivers it after the next open, a stale command. Here
 *   one object is one connection, and after its end every call fails.
 * Modem lines are never asked or set beyond what the kernel does on open and close: that fails on
 * pseudo-terminals and some adapters, and no profile needs it.
 */
import { write } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SerialPort } from "serialport";
import { isVeilError, VeilError } from "../../errors.ts";
import { isBusy } from "./busy.ts";
import { ByteQueue } from "./byte-queue.ts";
import { hungUp, openProblem } from "./errors.ts";
import type { SerialSettings } from "./settings.ts";
import { readTty } from "./tty-read.ts";

const writeAsync = promisify(write);

/** Above what the kernel holds for a tty, so that one read empties it. */
const READ_BYTES = 16 * 1024;
/** Read ahead by this much while the taker is busy; then the kernel's buffer and flow control take over. */
const DEFAULT_BUFFER_BYTES = 64 * 1024;
const WRITE_RETRY_MS = 10;
/** A silent line is looked at this often, so that it is known that somebody would hear it. */
export const TURN_MS = 20_000;
/** A read that brought this much says that more is waiting. */
const BUSY_BYTES = 1024;

export interface SerialOptions extends Partial<SerialSettings> {
  readonly path: string;
  readonly baudRate: number;
  /** How much is read ahead. Default 65,536. */
  readonly maxBufferBytes?: number;
  /**
   * A pause after a read that brought little, so that a line of a hundred readings a second wakes the processor less
   * often than that. Default 0.
   */
  readonly restMs?: number;
  /** Told at every turn of the loop that reads, at least every `TURN_MS`. */
  readonly onTurn?: () => void;
  /** Aborting closes the connection. */
  readonly signal?: AbortSignal;
}

/** One connection, from open to its end. */
export interface SerialConnection {
  readonly path: string;
  /** What arrives, for one reader. Throws DISCONNECTED after the last bytes on a hang-up; ends after `close`. */
  readonly bytes: AsyncIterable<Buffer>;
  /** Resolves at the end: with DISCONNECTED after a hang-up, with null after `close`. Never rejects. */
  readonly closed: Promise<VeilError | null>;
  /** Resolves when the kernel has the bytes. Throws DISCONNECTED, or STOPPED after `close`. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a port in raw mode and takes it for this process alone. Throws UNAVAILABLE (not there, not
 * allowed, held by another process, settings not taken), CONFIG (no serial port), STOPPED (aborted).
 */
export async function openSerial(options: SerialOptions): Promise<SerialConnection> {
  const { path, signal } = options;
  const port = await openPort(options);
  const connection = new Connection(port, options);
  if (signal?.aborted) {
    await connection.close();
    throw new VeilError("STOPPED", `opening ${path} was ended`);
  }
  const onAbort = (): void => void connection.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  void connection.closed.then(() => signal?.removeEventListener("abort", onAbort));
  return connection;
}

async function openPort(options: SerialOptions) {
  const { path, baudRate, flowControl } = options;
  const port = await SerialPort.binding
    .open({
      path,
      baudRate,
      dataBits: options.dataBits ?? 8,
      stopBits: options.stopBits ?? 1,
      parity: options.parity ?? "none",
      rtscts: flowControl === "hardware",
      xon: flowControl === "software",
      xoff: flowControl === "software",
      lock: true,
    })
    .catch(async (cause: unknown) => {
      throw await openProblem(path, cause);
    });
  if (!("poller" in port))
    throw new VeilError("CONFIG", "serial ports are supported on Linux and macOS only");
  return port;
}

type OpenPort = Awaited<ReturnType<typeof openPort>>;

class Connection implements SerialConnection {
  readonly path: string;
  readonly bytes: ByteQueue;
  readonly closed: Promise<VeilError | null>;
  readonly #port: OpenPort;
  readonly #restMs: number;
  readonly #onTurn: () => void;
  #isPolled = false;
  #pollError: Error | null = null;
  #wake: () => void = () => undefined;
  /** Null while open; then why it ended, or "closed" if we did. */
  #end: VeilError | "closed" | null = null;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(port: OpenPort, options: SerialOptions) {
    const { path, maxBufferBytes = DEFAULT_BUFFER_BYTES, restMs = 0 } = options;
    this.path = path;
    this.#port = port;
    this.#restMs = restMs;
    this.#onTurn = options.onTurn ?? (() => undefined);
    this.bytes = new ByteQueue({ maxBytes: maxBufferBytes });
    this.closed = this.#run();
  }

  async write(bytes: Uint8Array): Promise<void> {
    const written = this.#writing.then(() => this.#writeAll(bytes));
    this.#writing = written.catch(() => undefined);
    await written;
  }

  async close(): Promise<void> {
    this.#finish("closed");
    await this.closed;
  }

  /** Reads until the end; then lets the descriptor go, with nobody using it any more. */
  async #run(): Promise<VeilError | null> {
    await this.#readAll().catch((cause: unknown) =>
      this.#finish(isVeilError(cause) ? cause : hungUp(this.path, cause)),
    );
    await this.#writing;
    await this.#port.close().catch(() => undefined);
    const error = this.#end instanceof VeilError ? this.#end : null;
    this.bytes.end(error);
    return error;
  }

  /** Ends the connection; the first reason counts. Wakes whoever waits. */
  #finish(reason: VeilError | "closed"): void {
    if (this.#end !== null) return;
    this.#end = reason;
    this.#port.poller.stop();
    this.bytes.end(reason instanceof VeilError ? reason : null);
  }

  async #readAll(): Promise<void> {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let hasRested = false;
    for (;;) {
      await this.bytes.room();
      // A line worth a rest has more by its end, most often: then nobody needs to be told.
      if (this.#end === null && !hasRested) await this.#readable();
      if (this.#end !== null) return;
      this.#onTurn();
      const bytesRead = readTty(this.path, this.#descriptor(), buffer);
      hasRested = false;
      if (bytesRead === null) continue;
      this.bytes.push(Buffer.from(buffer.subarray(0, bytesRead)));
      hasRested = this.#restMs > 0 && bytesRead < BUSY_BYTES;
      if (hasRested) await sleep(this.#restMs);
    }
  }

  /** Resolves when there may be bytes, and after a while without any. Throws what the poller found. */
  async #readable(): Promise<void> {
    if (!this.#isPolled) {
      this.#isPolled = true;
      this.#port.poller.once("readable", (error) => {
        this.#isPolled = false;
        this.#pollError = error ?? null;
        this.#wake();
      });
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TURN_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => undefined;
    if (this.#pollError) throw this.#pollError;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let sent = 0; sent < bytes.length; ) {
      if (this.#end === "closed") throw new VeilError("STOPPED", `${this.path} was closed`);
      if (this.#end !== null) throw this.#end;
      try {
        sent += (await writeAsync(this.#descriptor(), bytes, sent)).bytesWritten;
      } catch (error) {
        if (!isBusy(error)) {
          this.#finish(hungUp(this.path, error));
          continue;
        }
        // Not the poller: it never forgets that it was asked for writability, and wakes up for it.
        await sleep(WRITE_RETRY_MS);
      }
    }
  }

  #descriptor(): number {
    if (this.#port.fd === null) throw hungUp(this.path);
    return this.#port.fd;
  }
}
