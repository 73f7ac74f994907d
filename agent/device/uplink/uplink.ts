/**
 * Brings what is in the outbox to a bridge, for as long as the agent runs: connection after connection, with
 * backoff and full jitter, over all its bridges in turn. What is taken stays in the outbox until a
 * bridge has acknowledged it, so nothing here can lose a reading.
 */
import { isVeilError, VeilError } from "../../../core/errors.ts";
import { connectMqtt } from "../../../core/ports/mqtt/client.ts";
import type { OwnCertificate } from "../../../core/ports/tls/own.ts";
import { Backoff } from "../../../core/runtime/backoff.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { Pulse } from "../../../core/runtime/pulse.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import { formatLogin } from "../../../core/wire/login.ts";
import type { NumberedMail } from "../../../core/wire/mqtt.ts";
import type { OutboxReader } from "../outbox/api.ts";
import type { StreamId } from "../outbox/entry.ts";
import { UplinkConnection } from "./connection.ts";
import type { KeptAnnouncements } from "./kept-announcements.ts";
import type { Lanes } from "./lanes.ts";
import type { Timings } from "./timings.ts";

/** A connection that lasted this long was a good one, even if there was nothing to send. */
const GOOD_CONNECTION_MS = 60_000;
/** What connecting, or reading from a slow disk, may take before the loop counts as hanging. */
const SLACK_MS = 60_000;

/** `refused`: the login is wrong. `revoked`: the bridge knows the client and does not want it. */
export type UplinkState =
  | "stopped"
  | "connecting"
  | "connected"
  | "waiting"
  | "refused"
  | "revoked";

export interface UplinkOptions {
  readonly credential: Pick<Credential, "tenant" | "client" | "secret" | "ca">;
  /** `mqtts://host:port` or `mqtt://host:port`, at least one. */
  readonly urls: readonly string[];
  /** As `MqttClientOptions`. */
  readonly keepaliveS: number;
  /** As `MqttClientOptions`. */
  readonly certificate?: OwnCertificate | undefined;
  readonly outbox: OutboxReader;
  readonly lanes: Lanes;
  readonly announcements: Pick<KeptAnnouncements, "find" | "keep">;
  readonly timings: Timings;
  readonly log: Logger;
  readonly onRekey: (stream: StreamId) => void;
  /** Whether the client is revoked: then no reading may be taken (PROTOCOL.md §7). */
  readonly onRevoked: (revoked: boolean) => void;
  /** Takes mail; whether it is done with. Must not reject. */
  readonly onMail: (mail: NumberedMail) => Promise<boolean>;
}

export class Uplink {
  /** Of the loop that connects and sends. */
  readonly pulse = new Pulse("uplink");
  readonly #options: UplinkOptions;
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  readonly #refusedBackoff: Backoff;
  #connection: UplinkConnection | undefined;
  #running: Promise<void> | undefined;
  #state: UplinkState = "stopped";
  #lastError: VeilError | undefined;
  #isRevoked = false;
  #lastSaid: string | undefined;
  #acknowledged = 0;
  #bridge = 0;

  constructor(options: UplinkOptions) {
    const { reconnectMinMs, reconnectMaxMs, refusedMinMs, refusedMaxMs } = options.timings;
    this.#options = options;
    this.#backoff = new Backoff({ minMs: reconnectMinMs, maxMs: reconnectMaxMs });
    this.#refusedBackoff = new Backoff({ minMs: refusedMinMs, maxMs: refusedMaxMs });
  }

  get state(): UplinkState {
    return this.#state;
  }

  /** Why the last connection ended or failed; `undefined` while all is well. */
  get lastError(): VeilError | undefined {
    return this.#lastError;
  }

  /** How many entries may be in flight now; 0 without a connection. */
  get window(): number {
    return this.#connection?.window ?? 0;
  }

  /** Records that a bridge has acknowledged since the start. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The lanes have changed. */
  nudge(): void {
    this.#connection?.nudge();
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Waits shortly for the PUBACKs of what is in flight, then disconnects. */
  async stop(): Promise<void> {
    await this.#connection?.drain();
    this.#stopping.abort();
    await this.#running;
    this.#setState("stopped");
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { reconnectMaxMs, refusedMaxMs } = this.#options.timings;
    while (!signal.aborted) {
      this.#turned(0);
      const backoff = await this.#attempt();
      this.#turned(Math.max(reconnectMaxMs, refusedMaxMs));
      if (!signal.aborted) await backoff.wait(signal);
    }
    this.pulse.rest();
  }

  #turned(withinMs: number): void {
    this.pulse.beat(withinMs + SLACK_MS);
  }

  /** One connection from beginning to end; returns how to wait for the next. */
  async #attempt(): Promise<Backoff> {
    const startedMs = performance.now();
    const connection = this.#createConnection();
    const reason = await this.#connect(connection);
    const wasGood = connection.progress > 0 || performance.now() - startedMs >= GOOD_CONNECTION_MS;
    this.#connection = undefined;
    if (this.#stopping.signal.aborted) return this.#backoff;
    this.#lastError = reason;
    if (wasGood) this.#backoff.reset();
    else this.#bridge++;
    return this.#after(reason);
  }

  #createConnection(): UplinkConnection {
    const { outbox, lanes, announcements, timings, log, onRekey, onMail } = this.#options;
    return new UplinkConnection({
      outbox,
      announcements,
      lanes,
      timings,
      log,
      onRekey,
      onMail,
      onTurn: (withinMs) => this.#turned(withinMs),
      onAccepted: () => this.#setRevoked(false),
      onAcknowledged: (entry) => {
        if (entry.kind === "record") this.#acknowledged++;
      },
    });
  }

  async #connect(connection: UplinkConnection): Promise<VeilError> {
    const { credential, urls, keepaliveS, certificate } = this.#options;
    this.#setState("connecting");
    try {
      const link = await connectMqtt({
        url: urls[this.#bridge % urls.length] ?? "",
        login: formatLogin(credential),
        secret: credential.secret,
        keepaliveS,
        certificate,
        ...(credential.ca === undefined ? {} : { ca: credential.ca }),
        signal: this.#stopping.signal,
        onMessage: (topic, payload) => connection.receive(topic, payload),
      });
      this.#connection = connection;
      this.#lastError = undefined;
      this.#refusedBackoff.reset();
      this.#setState("connected");
      return await connection.run(link);
    } catch (cause) {
      return isVeilError(cause)
        ? cause
        : new VeilError("INTERNAL", "connecting failed in an unforeseen way", { cause });
    }
  }

  #after(reason: VeilError): Backoff {
    if (reason.code === "REVOKED") {
      this.#setRevoked(true);
      this.#setState("revoked", reason);
      return this.#refusedBackoff;
    }
    if (reason.code === "AUTH") {
      this.#setState("refused", reason);
      return this.#refusedBackoff;
    }
    this.#setState("waiting", reason);
    return this.#backoff;
  }

  #setRevoked(revoked: boolean): void {
    if (this.#isRevoked === revoked) return;
    this.#isRevoked = revoked;
    this.#options.onRevoked(revoked);
  }

  /** One line for each change of state; what is tried over and over is said once, then at `debug`. */
  #setState(state: UplinkState, reason?: VeilError): void {
    const { log, outbox } = this.#options;
    this.#state = state;
    if (state === "connected") {
      log.info({ waiting: outbox.depth }, "connected to a bridge");
      this.#lastSaid = undefined;
    }
    if (!reason) return;
    const level = this.#lastSaid === reason.message ? "debug" : "warn";
    this.#lastSaid = reason.message;
    const hint = reason.hint === undefined ? {} : { hint: reason.hint };
    log[level]({ err: reason, ...hint, waiting: outbox.depth }, "no bridge at the moment");
  }
}
