/** Writes what a port says, with its timing, for `veilmq agent capture`. */
import { type FileHandle, open } from "node:fs/promises";
import { type Polling, pollsOf } from "../agent/device/profile/polling.ts";
import { framerOf, loadProfile, type Profile } from "../agent/device/profile/profile.ts";
import { poll } from "../agent/device/serial/poll.ts";
import { isVeilError } from "../core/errors.ts";
import { openSerial, type SerialConnection } from "../core/ports/serial/serial.ts";
import { type SerialSettings, serialSettings } from "../core/ports/serial/settings.ts";
import { shutdownSignal } from "../core/runtime/lifecycle.ts";
import { cannotMake } from "../core/runtime/why-not.ts";
import { printHint, printNote } from "./messages.ts";

const MS_PER_SECOND = 1000;
const DEFAULT_BAUD = 9600;

export interface CaptureOptions {
  readonly port: string;
  readonly baud?: number;
  readonly profile?: string;
  readonly seconds?: number;
  readonly force?: true;
}

/** Until a signal, or for so many seconds. Throws as `openSerial`, DISCONNECTED where the port hangs up. */
export async function capture(file: string, options: CaptureOptions): Promise<void> {
  const profile = options.profile === undefined ? null : await loadProfile(options.profile);
  const settings = serialSettings.parse({
    ...(profile?.serial ?? { baudRate: DEFAULT_BAUD }),
    ...(options.baud === undefined ? {} : { baudRate: options.baud }),
  } satisfies Partial<SerialSettings>);
  const signal = endOf(options.seconds);
  // Before the files: where there is no port, there are none of them either.
  const connection = await openSerial({ path: options.port, ...settings, signal });
  try {
    const tape = await Tape.open(file, options.force === true);
    printNote(
      `capturing ${options.port} at ${settings.baudRate} baud into ${file}; Ctrl-C ends it`,
    );
    try {
      await listenTo(recorded(connection, tape), profile);
    } finally {
      await tape.close();
      printNote(`${tape.bytes} byte(s) in ${file}, their timing in ${timingPath(file)}`);
    }
    if (tape.bytes === 0)
      printHint("nothing was heard: is it powered? Does it have to be asked (--profile)?");
  } finally {
    await connection.close();
  }
}

function endOf(seconds: number | undefined): AbortSignal {
  const signal = shutdownSignal();
  if (seconds === undefined) return signal;
  return AbortSignal.any([signal, AbortSignal.timeout(seconds * MS_PER_SECOND)]);
}

/** Asks where the profile says so; otherwise only hears. */
async function listenTo(connection: SerialConnection, profile: Profile | null): Promise<void> {
  try {
    if (profile?.polling) await pollerOf(profile, profile.polling)(connection);
    else for await (const _ of connection.bytes);
  } catch (error) {
    if (!isVeilError(error, "STOPPED")) throw error;
  }
}

function pollerOf(profile: Profile, polling: Polling) {
  return poll({
    framer: framerOf(profile),
    onFrames: async () => undefined,
    ...polling,
    ...pollsOf(polling, profile.framing),
  });
}

/** Everything that goes either way is on the tape, in its order. */
function recorded(connection: SerialConnection, tape: Tape): SerialConnection {
  return {
    path: connection.path,
    closed: connection.closed,
    bytes: (async function* () {
      for await (const chunk of connection.bytes) {
        await tape.write(chunk, "in");
        yield chunk;
      }
    })(),
    write: async (bytes) => {
      await tape.write(Buffer.from(bytes), "out");
      await connection.write(bytes);
    },
    close: () => connection.close(),
  };
}

function timingPath(file: string): string {
  return `${file}.timing`;
}

/** The bytes as they are in one file; in another, a line for each chunk, which way and when. */
class Tape {
  readonly #data: FileHandle;
  readonly #timing: FileHandle;
  readonly #startMs = performance.now();
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(data: FileHandle, timing: FileHandle) {
    this.#data = data;
    this.#timing = timing;
  }

  static async open(file: string, force: boolean): Promise<Tape> {
    const flags = force ? "w" : "wx";
    const openNew = (path: string): Promise<FileHandle> =>
      open(path, flags).catch((cause: unknown) => {
        throw cannotMake(path, cause, {
          code: "CONFIG",
          ifTaken: "a capture is not overwritten: another name, or --force",
        });
      });
    return new Tape(await openNew(file), await openNew(timingPath(file)));
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(chunk: Buffer, direction: "in" | "out"): Promise<void> {
    const ms = Math.round(performance.now() - this.#startMs);
    const line = { ms, offset: this.#bytes, bytes: chunk.length, direction };
    this.#bytes += chunk.length;
    this.#writing = this.#writing.then(async () => {
      await this.#data.appendFile(chunk);
      await this.#timing.appendFile(`${JSON.stringify(line)}\n`);
    });
    await this.#writing;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await Promise.all([this.#data.close(), this.#timing.close()]);
  }
}
