/**
 * One connection of the MQTT server, from the accepted socket to its end.
 *
 *   socket → guard → aedes → publish → verdict, in order → PUBACK | farewell and close
 */
import type { Socket } from "node:net";
import type { Client, PublishPacket } from "aedes";
import type { Quiet } from "../../runtime/quiet.ts";
import { peerCertificate } from "../tls/peer.ts";
import { type Acknowledging, type Acks, encodePubacks } from "./server-acks.ts";
import {
  type Broker,
  type BrokerHandler,
  type ConnackCode,
  type ConnectPacket,
  refusalOf,
} from "./server-broker.ts";
import { PacketGuard, type PacketLimits } from "./server-guard.ts";
import { Keepalive, type Speaking } from "./server-keepalive.ts";
import { InOrder, type InOrderOptions } from "./server-order.ts";
import { Publish } from "./server-publish.ts";
import { gone, Pushes } from "./server-pushes.ts";
import { EXPLANATIONS } from "./server-refusal.ts";
import { endGently, interceptReads, type ReadHandlers } from "./server-socket.ts";
import {
  CONNACK_REFUSAL,
  type MqttLimits,
  type MqttMessage,
  type MqttRefusal,
  type MqttServerOptions,
  type MqttSession,
} from "./server-types.ts";

const IDENTIFIER_REJECTED = 2;

/** What all connections of a server have in common: ten thousand of them that are silent have no copies of it. */
export interface ConnectionOptions<Context extends object> {
  readonly broker: Broker;
  readonly limits: MqttLimits;
  readonly packetLimits: PacketLimits;
  readonly server: Pick<
    MqttServerOptions<Context>,
    "authenticate" | "onReady" | "onPublish" | "onRead" | "onRefused" | "log"
  >;
  /** Refusals that are worth a line in the log. */
  readonly refusals: Quiet;
  readonly acks: Acks;
  /** Whether only clients are read that wait for one PUBACK at most. */
  readonly isPressed: () => boolean;
  /** Whether nobody is read any more. */
  readonly isStopping: () => boolean;
  readonly onOpen: (connection: Connection<Context>, socket: Socket) => Context;
  /** Called once, for every connection, also one that never opened. */
  readonly onEnd: (connection: Connection<Context>, reason: string) => void;
}

/** What a client under pressure may wait for and still be read: a device whose window is 1 keeps its keepalive. */
const UNANSWERED_UNDER_PRESSURE = 1;
/**
 * Who has not logged in is read in slices, and so is from then on who was held back once: 64 KiB of registrations, or of
 * PINGREQ, are 10 to 70 ms in one turn of the loop.
 */
const SLICE_BYTES = 4096;

export class Connection<Context extends object>
  implements
    MqttSession,
    BrokerHandler,
    ReadHandlers,
    InOrderOptions<Publish>,
    Acknowledging,
    Speaking
{
  readonly #socket: Socket;
  readonly #options: ConnectionOptions<Context>;
  readonly #guard: PacketGuard;
  readonly #pending = new InOrder<Publish>(this);
  #client: Client | undefined;
  /** From CONNECT on. */
  #context: Context | undefined;
  #state: "connecting" | "open" | "ended" = "connecting";
  #connect: ConnectPacket = { clean: true, hasWill: false, keepaliveS: 0 };
  /** From CONNECT on. */
  #keepalive: Keepalive | undefined;
  /** When the last bytes came, which the publishes in hand are of. */
  #readAtMs = 0;
  /** What Kafka has, and whose PUBACK has not been written; `undefined` for none. */
  #acknowledged: Publish[] | undefined;
  /** Made with the first one. */
  #pushes: Pushes | undefined;
  #refusedSubscribe = false;
  /** CONNECT was refused, with a reason: aedes's own error for it says nothing new. */
  #isTurnedAway = false;
  #onIdle: (() => void) | undefined;
  /** Reading goes on when it fires. */
  #heldBack: NodeJS.Timeout | undefined;
  #heldBackUntilMs = 0;
  #isInSlices = true;

  constructor(socket: Socket, options: ConnectionOptions<Context>) {
    this.#socket = socket;
    this.#options = options;
    this.#guard = new PacketGuard(options.packetLimits);
  }

  start(): void {
    interceptReads(this.#socket, this);
    // It comes once anyway, and `once` would keep four objects.
    this.#socket.on("close", () => this.#end("the connection closed"));
    this.#client = this.#options.broker.handle(this.#socket, this);
  }

  get clientId(): string {
    return this.#client?.id ?? "";
  }

  /** What the server's user made of this session; `undefined` before it has logged in. */
  get context(): Context | undefined {
    return this.#context;
  }

  // MqttSession

  push(message: MqttMessage, qos: 0 | 1): Promise<void> {
    const client = this.#client;
    if (this.#state !== "open" || !client) return Promise.reject(gone());
    this.#pushes ??= new Pushes(client, this.#socket);
    if (this.#pushes.unsent < this.#options.limits.maxUnsentPushes)
      return this.#pushes.push(message, qos);
    this.#refuse("slow-reader");
    return Promise.reject(gone());
  }

  close(reason: string): void {
    this.#end(reason);
    this.#socket.destroy();
  }

  holdBack(ms: number): void {
    if (this.#state !== "open") return;
    this.#heldBackUntilMs = Math.max(this.#heldBackUntilMs, performance.now() + ms);
    this.#heldBack ??= setTimeout(() => this.#letGo(), ms);
  }

  readInSlices(isSo: boolean): void {
    this.#isInSlices = isSo;
  }

  /** Ends the session now and the connection when it has taken what was sent to it, or after a while. */
  finish(reason: string): void {
    this.#farewell(reason, undefined);
  }

  /** Resolves when no publish waits for its PUBACK, at once if the connection ended. */
  async idle(): Promise<void> {
    if (this.#state === "ended" || this.#pending.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** After a pause: aedes reads when it hears that there is something to read. */
  resume(): void {
    if (this.#state !== "ended") this.#socket.emit("readable");
  }

  // BrokerHandler

  connecting(packet: ConnectPacket): void {
    this.#connect = packet;
  }

  authenticate(username: string | undefined, password: string | undefined): ConnackCode {
    const answer = this.#admit(username, password);
    this.#isTurnedAway = answer !== undefined;
    return answer;
  }

  opened(): void {
    // aedes registers a client also if it hung up while it was being authenticated.
    if (this.#state === "ended") return;
    this.#state = "open";
    this.#guard.open();
    this.#isInSlices = false;
    this.#keepalive = new Keepalive(this, this.#connect.keepaliveS);
    const context = this.#options.onOpen(this, this.#socket);
    this.#context = context;
    // What came with its CONNECT. Who left in debt is held back from here on.
    const { bytes, packets } = this.#guard;
    this.#options.server.onRead?.(context, bytes, packets - 1);
  }

  ready(): void {
    const context = this.#context;
    if (this.#state === "open" && context !== undefined) this.#options.server.onReady?.(context);
  }

  acknowledged(): void {
    this.#pushes?.acknowledged();
  }

  publish(packet: PublishPacket, done: (error?: Error) => void): void {
    const context = this.#context;
    if (this.#state !== "open" || context === undefined) return;
    const problem = this.#publishProblem(packet);
    if (problem) this.#refuse(problem);
    else this.#take(context, packet, done);
  }

  subscribing(): void {
    if (this.#refusedSubscribe) return;
    this.#refusedSubscribe = true;
    this.#refused("subscribe");
  }

  failed(error: Error): void {
    if (this.#state === "ended") return;
    const refusal = refusalOf(error, this.#state === "connecting");
    if (refusal && !this.#isTurnedAway) this.#refused(refusal, error.message);
    this.#end(error.message);
  }

  // ReadHandlers

  /** Whether aedes may see these bytes. */
  inspect(chunk: Uint8Array): boolean {
    if (this.#state === "ended") return false;
    this.#readAtMs = performance.now();
    const before = this.#guard.packets;
    const problem = this.#guard.inspect(chunk);
    if (problem) this.#refuse(problem);
    else if (this.#context !== undefined)
      this.#options.server.onRead?.(this.#context, chunk.length, this.#guard.packets - before);
    return problem === undefined;
  }

  isPaused(): boolean {
    if (this.#state !== "open") return false;
    const { isPressed, isStopping } = this.#options;
    if (this.#heldBack !== undefined || isStopping()) return true;
    return isPressed() && this.#pending.size > UNANSWERED_UNDER_PRESSURE;
  }

  sliceBytes(): number | undefined {
    return this.#isInSlices || this.#heldBackUntilMs > 0 ? SLICE_BYTES : undefined;
  }

  // Speaking

  get readAtMs(): number {
    return this.#readAtMs;
  }

  silent(): void {
    this.close("keep alive timeout");
  }

  // InOrderOptions

  isComplete({ verdict }: Publish): boolean {
    return verdict !== undefined;
  }

  leave(publish: Publish): boolean {
    const { verdict } = publish;
    if (typeof verdict === "object") {
      this.#farewell(verdict.reason, verdict.message);
      return false;
    }
    if (this.#acknowledged) this.#acknowledged.push(publish);
    else {
      this.#acknowledged = [publish];
      this.#options.acks.soon(this);
    }
    if (this.#pending.size === UNANSWERED_UNDER_PRESSURE && this.#options.isPressed())
      this.resume();
    if (this.#pending.size === 0) this.#onIdle?.();
    return true;
  }

  // Acknowledging

  sendAcks(): readonly Publish[] {
    const acknowledged = this.#takeAcknowledged();
    // A client that does not read is aedes's to wait for, and to give up: then it writes them.
    if (!this.#socket.writableNeedDrain) {
      this.#writeAcks(acknowledged);
      for (const { packet } of acknowledged) packet.qos = 0;
    }
    return acknowledged;
  }

  #takeAcknowledged(): readonly Publish[] {
    const acknowledged = this.#acknowledged;
    this.#acknowledged = undefined;
    if (!acknowledged || this.#state === "ended") return [];
    const nowMs = performance.now();
    for (const { times, readAtMs } of acknowledged) times?.observe(nowMs - readAtMs);
    return acknowledged;
  }

  #writeAcks(acknowledged: readonly Publish[]): void {
    if (acknowledged.length === 0 || !this.#socket.writable) return;
    this.#socket.write(encodePubacks(acknowledged.map(({ packet }) => packet.messageId ?? 0)));
  }

  // The way of a connection

  #admit(username: string | undefined, password: string | undefined): ConnackCode {
    const problem = this.#connectProblem();
    if (problem) {
      this.#refused(problem);
      return IDENTIFIER_REJECTED;
    }
    const { clientId } = this;
    const { server } = this.#options;
    const admission = server.authenticate({
      ...{ clientId, username, password },
      address: this.#socket.remoteAddress ?? "",
      certificate: peerCertificate(this.#socket, clientId),
    });
    if (admission.accepted) return undefined;
    // No line here: `authenticate` knows who it was, and says so.
    server.onRefused?.("login");
    return CONNACK_REFUSAL[admission.answer];
  }

  #connectProblem(): MqttRefusal | undefined {
    if (this.#client?.version !== 4) return "protocol";
    if (!this.#connect.clean) return "unclean-session";
    return this.#connect.hasWill ? "will" : undefined;
  }

  #publishProblem({ qos, retain }: PublishPacket): MqttRefusal | undefined {
    if (qos !== 1) return "qos";
    if (retain) return "retained";
    const { maxUnacknowledged } = this.#options.limits;
    return this.#pending.size >= maxUnacknowledged ? "unacknowledged" : undefined;
  }

  #take(context: Context, packet: PublishPacket, done: () => void): void {
    const publish = new Publish({ packet, done, readAtMs: this.#readAtMs }, this.#pending);
    this.#pending.add(publish);
    try {
      this.#options.server.onPublish(context, publish);
    } catch (error) {
      this.#options.server.log.error({ err: error, client: this.clientId }, "a publish failed");
      this.close("a publish failed");
    }
  }

  #farewell(reason: string, message: MqttMessage | undefined): void {
    this.#writeAcks(this.#takeAcknowledged());
    const client = this.#client;
    const sent =
      client && message ? new Pushes(client, this.#socket).push(message, 0) : Promise.resolve();
    this.#end(reason);
    endGently(this.#socket, sent);
  }

  #letGo(): void {
    this.#heldBack = undefined;
    const leftMs = this.#heldBackUntilMs - performance.now();
    if (leftMs > 1) this.holdBack(leftMs);
    else this.resume();
  }

  #refuse(refusal: MqttRefusal): void {
    this.#refused(refusal);
    this.close(refusal);
  }

  #refused(refusal: MqttRefusal, reason: string = refusal): void {
    const { server } = this.#options;
    const { remoteAddress: remote } = this.#socket;
    server.onRefused?.(refusal, this.#state === "connecting" ? remote : undefined);
    const client = this.clientId.slice(0, MAX_LOGGED_ID);
    const quiet = this.#options.refusals.take(remote ?? "");
    if (!quiet) return;
    const told = { refusal, ...EXPLANATIONS[refusal], reason, client, remote, ...quiet };
    server.log.warn(told, "MQTT refused");
  }

  #end(reason: string): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    clearTimeout(this.#heldBack);
    this.#keepalive?.stop();
    this.#pending.end();
    this.#onIdle?.();
    this.#pushes?.end();
    this.#options.onEnd(this, reason);
  }
}

/** Before authentication the id is whatever somebody sent. */
const MAX_LOGGED_ID = 140;
