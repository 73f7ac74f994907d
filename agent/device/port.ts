/** One configured serial port: line → frames → SenML pack → intake, with what a status tells of it. */
import type { VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { senmlPackOf } from "../../core/wire/senml.ts";
import type { PortSettings } from "./config.ts";
import type { Dropped, Frame, Framer } from "./framing/framer.ts";
import type { Decoder } from "./profile/decoder.ts";
import { decoderOf, framerOf } from "./profile/profile.ts";
import type { Reading } from "./sealing/sealer.ts";
import { type LineState, SerialLine } from "./serial/line.ts";
import { listen } from "./serial/listen.ts";

export interface PortOptions {
  readonly settings: PortSettings;
  readonly intake: { offer(reading: Reading): Promise<void> };
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
  readonly #line: SerialLine;
  #state: "waiting" | "open" | "lost" = "waiting";
  #error: VeilError | undefined;
  #frames = 0;
  #invalid = 0;

  constructor(options: PortOptions) {
    const { path, profile, profileName, serial, topic } = options.settings;
    this.path = path;
    this.profileName = profileName;
    this.topic = topic;
    this.#options = options;
    this.#framer = framerOf(profile);
    this.#decode = decoderOf(profile);
    this.#line = new SerialLine({
      path,
      settings: serial,
      serve: listen({ framer: this.#framer, onFrames: (frames) => this.#take(frames) }),
      onState: (state) => this.#changed(state),
    });
  }

  get state(): "waiting" | "open" | "lost" {
    return this.#state;
  }

  /** Why it is lost. */
  get error(): VeilError | undefined {
    return this.#error;
  }

  get counts(): PortCounts {
    return { frames: this.#frames, invalid: this.#invalid, dropped: this.#framer.dropped };
  }

  /** Begins to read; does not wait for the port to be there. */
  start(): void {
    this.#line.start();
  }

  /** Stops reading; resolves when every frame that was read is with the intake. */
  async stop(): Promise<void> {
    await this.#line.stop();
  }

  async #take(frames: readonly Frame[]): Promise<void> {
    const takenAtMs = Date.now();
    for (const { bytes } of frames) {
      this.#frames++;
      const records = this.#decode(bytes);
      if (records === null) {
        this.#invalid++;
        continue;
      }
      const plaintext = Buffer.from(JSON.stringify(senmlPackOf(records, takenAtMs)));
      await this.#options.intake.offer({ plaintext, takenAtMs });
    }
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
