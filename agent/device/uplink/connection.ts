/**
 * The life of one MQTT connection (PROTOCOL.md §5): aliases are registered one after the other, each lane
 * sends from its oldest unacknowledged entry, and the window over all lanes grows from 1 to 100 with the
 * PUBACKs. It ends when the socket does, or when the bridge refuses something that only a new connection
 * puts right; whoever started it connects again.
 */
import { isVeilError, type RefusalCode, VeilError } from "../../../core/errors.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { decodeAnnouncement, kidOf } from "../../../core/wire/announcement.ts";
import {
  ACK_TOPIC,
  type Ack,
  decodeAck,
  decodeMailPush,
  formatUpstream,
  MAIL_TOPIC,
  type NumberedMail,
} from "../../../core/wire/mqtt.ts";
import type { OutboxReader } from "../outbox/api.ts";
import type { StoredEntry, StreamId } from "../outbox/entry.ts";
import { Doorbell } from "./doorbell.ts";
import { Flight, type Sent } from "./flight.ts";
import type { KeptAnnouncements } from "./kept-announcements.ts";
import type { Lanes } from "./lanes.ts";
import { HINTS, judgeRefusal } from "./refusal.ts";
import { Registrar } from "./registrar.ts";
import { Replay } from "./replay.ts";
import type { Timings } from "./timings.ts";

const MAX_WINDOW = 100;
const MAX_SLEEP_MS = 60_000;

type Refusal = Extract<Ack, { status: "refused" }>;

/** What a connection needs of `core/ports/mqtt/client.ts`. */
export interface Link {
  publish(topic: string, payload: Buffer): Promise<void>;
  readonly closed: Promise<VeilError>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly outbox: OutboxReader;
  readonly lanes: Lanes;
  readonly announcements: Pick<KeptAnnouncements, "find" | "keep">;
  readonly timings: Timings;
  readonly log: Logger;
  /** The bridge wants a new kid for this stream. */
  readonly onRekey: (stream: StreamId) => void;
  /** The bridge has taken an alias: this client is not revoked. */
  readonly onAccepted: () => void;
  /** Told at every turn, with the longest time until the next. */
  readonly onTurn: (withinMs: number) => void;
  readonly onAcknowledged: (entry: StoredEntry) => void;
  /** Takes mail; whether it is done with. Must not reject. */
  readonly onMail: (mail: NumberedMail) => Promise<boolean>;
}

export class UplinkConnection {
  readonly #options: ConnectionOptions;
  readonly #bell = new Doorbell();
  readonly #flights = new Map<number, Flight>();
  readonly #registrar: Registrar;
  readonly #rejecting = new Set<Promise<void>>();
  #link: Link | undefined;
  #reason: VeilError | undefined;
  #window = 1;
  #inFlight = 0;
  #isDraining = false;
  #onIdle: (() => void) | undefined;
  /** Where the next round over the lanes begins, so that none is always last. */
  #turn = 0;
  /** Streams whose records are put aside, as the log knows already. */
  readonly #nameless = new Set<StreamId>();
  #adoptedAt = { sequence: -1, version: -1 };
  #progress = 0;
  readonly #replay: Replay;
  /** For how long the next of the backlog is held back. */
  #heldMs = MAX_SLEEP_MS;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { outbox, timings, log } = options;
    const { lastSequence: until, depth: total } = outbox;
    this.#replay = new Replay({ until, total, perSecond: timings.replayPerSecond, log });
    this.#registrar = new Registrar({
      flights: this.#flights,
      lanes: options.lanes,
      publish: (topic, payload) => this.#deliver(topic, payload),
      timings: options.timings,
      log: options.log,
      isOpen: () => this.#reason === undefined,
      onChange: () => this.#bell.ring(),
    });
  }

  get window(): number {
    return this.#window;
  }

  /** Entries that this connection got done: acknowledged, or refused for good. */
  get progress(): number {
    return this.#progress;
  }

  /** A message from the bridge. Returns whether it is taken: what is not gets no PUBACK. Never rejects. */
  receive(topic: string, payload: Buffer): boolean | Promise<boolean> {
    if (topic === MAIL_TOPIC) return this.#receiveMail(payload);
    if (topic !== ACK_TOPIC) return false;
    try {
      this.#judge(decodeAck(payload));
    } catch (error) {
      if (!isVeilError(error)) throw error;
      this.#options.log.warn({ err: error }, "the bridge sent an answer that cannot be read");
    }
    this.#bell.ring();
    return true;
  }

  /** Something changed that it goes by, such as the lanes. */
  nudge(): void {
    this.#bell.ring();
  }

  /** Works until the connection ends; returns why. Never throws. */
  async run(link: Link): Promise<VeilError> {
    this.#link = link;
    void link.closed.then((reason) => this.#end(reason));
    const watch = new AbortController();
    void this.#watchOutbox(watch.signal);
    try {
      await this.#work();
    } catch (cause) {
      this.#end(isVeilError(cause) ? cause : unexpected(cause));
    }
    watch.abort();
    this.#strike();
    await link.close();
    await Promise.all(this.#rejecting);
    return this.#reason ?? unexpected(undefined);
  }

  /** Sends nothing more, waits shortly for the PUBACKs of what is in flight, and ends. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    const cancel = new AbortController();
    if (this.#inFlight > 0 && !this.#reason)
      await Promise.race([idle, pause(this.#options.timings.drainMs, cancel.signal)]);
    cancel.abort();
    this.#end(new VeilError("STOPPED", "the agent stops"));
  }

  async #work(): Promise<void> {
    while (!this.#reason) {
      this.#options.onTurn(MAX_SLEEP_MS);
      this.#adopt();
      await this.#send();
      if (this.#registrar.overdue())
        this.#end(new VeilError("DISCONNECTED", "the bridge refused a topic and answers no more"));
      if (this.#reason) return;
      if (!this.#isDraining) this.#registrar.registerNext();
      const sleepMs = Math.min(this.#registrar.nextDueMs() - performance.now(), this.#heldMs);
      await this.#bell.wait(Math.min(MAX_SLEEP_MS, Math.max(1, sleepMs)));
    }
  }

  #end(reason: VeilError): void {
    this.#reason ??= reason;
    this.#onIdle?.();
    this.#bell.ring();
  }

  async #watchOutbox(signal: AbortSignal): Promise<void> {
    const { outbox } = this.#options;
    try {
      for (;;) {
        await outbox.waitBeyond(outbox.lastSequence, signal);
        this.#bell.ring();
      }
    } catch {
      // Aborted by `run`, or the outbox stopped: then there is nothing more to wait for.
    }
  }

  #adopt(): void {
    const { outbox, lanes, announcements } = this.#options;
    const { lastSequence: sequence } = outbox;
    const { version } = lanes;
    if (this.#adoptedAt.sequence === sequence && this.#adoptedAt.version === version) return;
    this.#adoptedAt = { sequence, version };
    lanes.adopt();
    const onRejected = (entry: StoredEntry, code: RefusalCode): void => {
      this.#bell.ring();
      if (code === "EPOCH") this.#namelessEntry(entry);
    };
    for (const lane of lanes.all())
      if (!this.#flights.has(lane.alias))
        this.#flights.set(lane.alias, new Flight({ lane, outbox, announcements, onRejected }));
  }

  /** One line for each stream: its first records may be many. */
  #namelessEntry({ stream }: StoredEntry): void {
    if (this.#nameless.has(stream)) return;
    this.#nameless.add(stream);
    const hint = "their key was announced under names that have ended; rejected/ keeps them";
    this.#options.log.warn({ hint }, "records of an older epoch cannot be sent");
  }

  async #receiveMail(payload: Buffer): Promise<boolean> {
    try {
      return await this.#options.onMail(decodeMailPush(payload));
    } catch (error) {
      if (!isVeilError(error)) throw error;
      this.#options.log.warn({ err: error }, "the bridge sent mail that cannot be read");
      return true;
    }
  }

  // Sending

  /** One entry of each lane in turn, until the window is full or nothing is left that may leave now. */
  async #send(): Promise<void> {
    this.#heldMs = MAX_SLEEP_MS;
    const flights = [...this.#flights.values()];
    let idle = 0;
    while (idle < flights.length && this.#inFlight < this.#window && this.#maySend()) {
      const flight = flights[this.#turn % flights.length];
      this.#turn++;
      const entry = await flight?.next();
      const waitMs = entry ? this.#replay.waitMs(entry) : 0;
      if (waitMs > 0) {
        this.#heldMs = Math.min(this.#heldMs, waitMs);
        idle++;
      } else if (flight && entry && flight.state === "open" && this.#maySend()) {
        this.#publish(flight, entry);
        idle = 0;
      } else idle++;
    }
  }

  #maySend(): boolean {
    return !this.#reason && !this.#isDraining;
  }

  #publish(flight: Flight, entry: StoredEntry): void {
    const sent = flight.markSent(entry);
    this.#replay.sent(entry);
    this.#inFlight++;
    const kind = entry.kind === "announcement" ? "key" : "rec";
    const topic = formatUpstream({ kind, alias: flight.lane.alias });
    this.#acknowledged(topic, entry).then(
      () => this.#answered(flight, sent),
      // `closed` says why.
      () => undefined,
    );
  }

  /** Resolves at the PUBACK; an announcement is kept before the outbox forgets it. */
  async #acknowledged(topic: string, entry: StoredEntry): Promise<void> {
    await this.#deliver(topic, entry.payload);
    if (entry.kind === "announcement") await this.#options.announcements.keep(entry);
  }

  async #deliver(topic: string, payload: Buffer): Promise<void> {
    if (!this.#link || this.#reason) throw new VeilError("DISCONNECTED", "there is no connection");
    await this.#link.publish(topic, payload);
  }

  #answered(flight: Flight, sent: Sent): void {
    this.#inFlight--;
    this.#window = Math.min(MAX_WINDOW, this.#window + 1);
    for (const entry of flight.markAnswered(sent)) {
      this.#options.outbox.acknowledge(entry);
      this.#options.onAcknowledged(entry);
      this.#replay.acknowledged(entry);
      this.#progress++;
      flight.lane.succeeded();
    }
    if (this.#inFlight === 0) this.#onIdle?.();
    this.#bell.ring();
  }

  // The bridge's answers

  #judge(ack: Ack): void {
    const flight = this.#flights.get(ack.alias);
    if (!flight) return;
    if (ack.status === "ok") this.#opened(flight);
    else if (ack.status === "rekey") this.#rekey(flight);
    else this.#refused(flight, ack);
  }

  #opened(flight: Flight): void {
    if (flight.state === "refused")
      this.#options.log.info({ ports: flight.lane.ports }, "the bridge takes this topic again");
    flight.state = "open";
    flight.lane.unpark();
    this.#options.onAccepted();
  }

  #rekey({ lane }: Flight): void {
    this.#options.log.info({ ports: lane.ports }, "the bridge asks for a new key");
    this.#options.onRekey(lane.stream);
  }

  #refused(flight: Flight, refusal: Refusal): void {
    const { code } = refusal;
    const { epoch, stream } = flight.lane;
    const isRecord = "kid" in refusal;
    const sent = isRecord ? flight.find(refusal.kid, BigInt(refusal.seq)) : flight.announcement();
    const verdict = judgeRefusal({
      code,
      named: isRecord ? "record" : "alias",
      inFlight: !sent ? "no" : sent.entry.stream === stream ? "own" : "inherited",
      isNewestEpoch: epoch === this.#options.lanes.epoch,
    });
    if (verdict === "revoked")
      this.#end(new VeilError("REVOKED", "the bridge says that this client is revoked"));
    else if (verdict === "give-up" && sent) this.#giveUp(flight, sent);
    else if (verdict === "reject" && sent) this.#reject(flight, sent, code);
    else if (verdict === "ignore")
      this.#options.log.warn({ code }, "the bridge refuses a record that is not in flight");
    else this.#setAside(flight, refusal, verdict === "over");
  }

  /** An older epoch whose records are not taken any more, under whatever alias. */
  #giveUp({ lane }: Flight, { entry }: Sent): void {
    this.#options.lanes.refusedRecords(lane, entry.stream);
    this.#end(new VeilError("DISCONNECTED", "the bridge does not take an older epoch any more"));
  }

  /** The lane's entries stay in the outbox; the other lanes go on. */
  #setAside(flight: Flight, refusal: Refusal, isOver: boolean): void {
    const { code, message: reason } = refusal;
    const { ports } = flight.lane;
    if (this.#options.lanes.isNeeded(flight.lane) && !isOver)
      this.#options.log.warn({ code, reason, ports }, `a topic is refused; ${HINTS[code]}`);
    this.#registrar.park(flight, code);
    // What is on its way under the old name must have come to rest before it goes under the new one.
    if (isOver && flight.sent.length > 0)
      this.#end(new VeilError("DISCONNECTED", "the grace window of an older epoch is over"));
    if ("kid" in refusal)
      this.#end(new VeilError("DISCONNECTED", `the bridge does not take a record now (${code})`));
  }

  /** Refused for good: kept in `rejected/`. The bridge closes after saying so; the rest goes on after a reconnect. */
  #reject(flight: Flight, { entry }: Sent, code: RefusalCode): void {
    const { outbox, log, onRekey } = this.#options;
    log.warn({ code, kind: entry.kind, ports: flight.lane.ports }, `refused; ${HINTS[code]}`);
    if (entry.kind === "announcement") {
      const kid = kidOf(decodeAnnouncement(entry.payload)).toString("hex");
      flight.lane.refusedKids.set(kid, code);
      onRekey(flight.lane.stream);
    }
    const kept = outbox
      .reject(entry, code)
      .then(
        () => {
          this.#progress++;
          return new VeilError("DISCONNECTED", `the bridge refused an entry for good (${code})`);
        },
        (error: unknown) => (isVeilError(error) ? error : unexpected(error)),
      )
      .then((reason) => this.#end(reason))
      .finally(() => this.#rejecting.delete(kept));
    this.#rejecting.add(kept);
  }

  /** The connection ended without a word: if one entry alone was in flight, it is the suspect. */
  #strike(): void {
    if (this.#inFlight !== 1 || this.#rejecting.size > 0) return;
    if (this.#reason?.code !== "DISCONNECTED") return;
    for (const { lane, sent, state } of this.#flights.values()) {
      const suspect = sent[0];
      if (suspect && state === "open" && lane.strike(suspect.entry.sequence))
        this.#options.log.warn(
          { ports: lane.ports },
          "connections keep ending at the same entry; its topic is left alone for a while",
        );
    }
  }
}

function unexpected(cause: unknown): VeilError {
  return new VeilError("INTERNAL", "the connection failed in an unforeseen way", { cause });
}
