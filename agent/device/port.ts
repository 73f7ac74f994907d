/** One configured serial port: line → frames → SenML pack → intake, with what a status tells of it. */
import type { VeilError } from "../../core/errors.ts";
import type { SerialSettings } from "../../core/ports/serial/settings.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Pulse } from "../../core/runtime/pulse.ts";
import { type Moment, packTakenAt } from "../../core/wire/clock.ts";
import type { SenmlRecord } from "../../core/wire/senml.ts";
import { alertOf, type SilenceCause } from "./alert.ts";
import type { PortSettings } from "./config.ts";
import type { Dropped, Frame, Framer } from "./framing/framer.ts";
import type { Decoder } from "./profile/decoder.ts";
import { pollsOf } from "./profile/polling.ts";
import { decoderOf, framerOf } from "./profile/profile.ts";
import { ReportFilter } from "./profile/values.ts";
import type { Reading } from "./sealing/sealer.ts";
import { type LineState, SerialLine } from "./serial/line.ts";
import { listen } from "./serial/listen.ts";
import { poll } from "./serial/poll.ts";
import { Silence } from "./serial/silence.ts";

/** Much shorter than the outbox's fsync takes to come. */
const MAX_REST_MS = 40;
/** What may come in a rest: half of what the kernel takes of a line before it tells the adapter to hold back. */
const REST_BYTES = 2048;
/** A byte with its start and stop bit. */
const BITS_PER_BYTE = 10;

export interface PortOptions {
  readonly settings: PortSettings;
  readonly intake: { offer(reading: Reading): Promise<void> };
  readonly clock: { stamp(): Moment };
  readonly log: Logger;
}

/** Of a port since the start. */
export interface PortCounts {
  /** Whole frames that the line gave. */
  readonly frames: number;
  /** Those of them that the profile could not read. */
  readonly invalid: number;
  /** What the framing threw away: noise, and frames without an end. */
  readonly dropped: Dropped;
}

export class Port {
  readonly path: string;
  readonly profileName: string;
  readonly topic: string;
  readonly #options: PortOptions;
  readonly #framer: Framer;
  readonly #decode: Decoder;
  readonly #filter: ReportFilter;
  readonly #line: SerialLine;
  readonly #silence: Silence;
  #state: "waiting" | "open" | "lost" = "waiting";
  #error: VeilError | undefined;
  #frames = 0;
  #invalid = 0;
  /** What had been thrown away at the last valid frame. */
  #droppedThen = 0;

  constructor(options: PortOptions) {
    const { path, profile, profileName, serial, topic } = options.settings;
    this.path = path;
    this.profileName = profileName;
    this.topic = topic;
    this.#options = options;
    this.#framer = framerOf(profile);
    this.#decode = decoderOf(profile);
    this.#filter = new ReportFilter(profile);
    this.#line = new SerialLine({
      path,
      settings: serial,
      // A device that is asked answers in pieces, and the next question waits for the last.
      restMs: profile.polling ? 0 : restMsOf(serial),
      serve: this.#server(options.settings),
      onState: (state) => this.#changed(state),
    });
    this.#silence = new Silence({
      afterMs: options.settings.silentAfterMs,
      onSilent: (silentMs) => this.#fellSilent(silentMs),
      onHeard: (silentMs) => this.#spokeAgain(silentMs),
    });
  }

  /** Of the loop that reads. */
  get pulse(): Pulse {
    return this.#line.pulse;
  }

  get state(): "waiting" | "open" | "lost" {
    return this.#state;
  }

  /** Why it is lost. */
  get error(): VeilError | undefined {
    return this.#error;
  }

  /** Whether its deadline for a valid frame has passed. */
  get isSilent(): boolean {
    return this.#silence.isSilent;
  }

  get counts(): PortCounts {
    return { frames: this.#frames, invalid: this.#invalid, dropped: this.#framer.dropped };
  }

  /** Begins to read; does not wait for the port to be there. */
  start(): void {
    this.#line.start();
    this.#silence.start();
  }

  /** Stops reading; resolves when every frame that was read is with the intake. */
  async stop(): Promise<void> {
    this.#silence.stop();
    await this.#line.stop();
  }

  #server({ profile: { polling, framing } }: PortSettings) {
    const framer = this.#framer;
    const onFrames = (frames: readonly Frame[]): Promise<void> => this.#take(frames);
    if (!polling) return listen({ framer, onFrames });
    return poll({ framer, onFrames, ...polling, ...pollsOf(polling, framing) });
  }

  async #take(frames: readonly Frame[]): Promise<void> {
    for (const { bytes } of frames) {
      this.#frames++;
      const records = this.#decode(bytes);
      if (records === null) {
        this.#invalid++;
        continue;
      }
      this.#droppedThen = this.#discarded;
      this.#silence.heard();
      const worth = this.#filter.take(records, performance.now());
      if (worth.length > 0) await this.#offer(worth);
    }
  }

  async #offer(records: readonly SenmlRecord[]): Promise<void> {
    const { clock, intake } = this.#options;
    const moment = clock.stamp();
    const plaintext = Buffer.from(JSON.stringify(packTakenAt(records, moment)));
    await intake.offer({ plaintext, takenAtMs: moment.wallMs });
  }

  get #discarded(): number {
    return this.#framer.dropped.bytes + this.#invalid;
  }

  #fellSilent(silentMs: number): void {
    const cause = this.#silenceCause();
    const { path: port } = this;
    this.#options.log.warn({ port, cause, silentMs: Math.round(silentMs) }, "the device is silent");
    this.#alert(alertOf({ isSilent: true, silentMs, cause }));
  }

  #spokeAgain(silentMs: number): void {
    const { path: port } = this;
    this.#options.log.info({ port, silentMs: Math.round(silentMs) }, "the device speaks again");
    this.#alert(alertOf({ isSilent: false, silentMs }));
  }

  #silenceCause(): SilenceCause {
    if (this.#state !== "open") return "no port";
    return this.#discarded > this.#droppedThen ? "nothing valid" : "no bytes";
  }

  #alert(records: readonly SenmlRecord[]): void {
    this.#offer(records).catch((error: unknown) =>
      this.#options.log.error({ err: error }, "an alert could not be taken"),
    );
  }

  #changed(change: LineState): void {
    const { log } = this.#options;
    const { path: port } = this;
    this.#state = change.state;
    this.#error = change.state === "lost" ? change.error : undefined;
    if (change.state === "open") log.info({ port }, "the port is open");
    else log.warn({ port, err: change.error, hint: change.error.hint }, "no line at the moment");
  }
}

/** The pause after a read that brought little. */
function restMsOf({ baudRate }: SerialSettings): number {
  return Math.min(MAX_REST_MS, (1000 * BITS_PER_BYTE * REST_BYTES) / baudRate);
}
