/** What the MQTT server takes and gives: aedes stays behind it. */
import type { TlsOptions } from "node:tls";
import type { Logger } from "pino";
import { MAX_PAYLOAD_BYTES } from "../../wire/mqtt.ts";

/** A publish that the server has let through: QoS 1, not retained, within the size limit. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Buffer;
}

/**
 * What becomes of a publish. `"ack"`: its PUBACK leaves as soon as those before it have left. A farewell: when those
 * before it have left, its message is pushed (QoS 0) and the connection closed, without PUBACK.
 */
export type MqttVerdict = "ack" | MqttFarewell;

/** Hears how long a PUBACK took, in milliseconds: from its publish read to the PUBACK sent. */
export interface MqttTimes {
  observe(elapsedMs: number): void;
}

/** A publish that waits for its verdict. */
export interface MqttPublish extends MqttMessage {
  /** Says what becomes of it, and where it is noted how long its PUBACK took. */
  answer(verdict: MqttVerdict, times?: MqttTimes): void;
}

export interface MqttFarewell {
  /** For the log. Never holds a topic or a payload. */
  readonly reason: string;
  readonly message?: MqttMessage;
}

/** One authenticated connection. A takeover by the same client id makes a new one. */
export interface MqttSession {
  readonly clientId: string;
  /**
   * Publishes to this client, subscribed or not. Resolves when the socket has taken the bytes, with QoS 1 when the
   * client has acknowledged it, however long it takes; of those one waits at a time, another throws INTERNAL. Rejects
   * with DISCONNECTED if the connection ended first.
   */
  push(message: MqttMessage, qos: 0 | 1): Promise<void>;
  /** Closes at once: later publishes are not read, pending ones never acknowledged. */
  close(reason: string): void;
  /** Reads nothing more of this client for `ms`, save what is already on its way in; a shorter wait than one under way changes nothing. */
  holdBack(ms: number): void;
  /**
   * Whether it is read in slices from now on, as before it had logged in: thousands of small packets at once are then not the
   * work of one turn of the event loop. Who was held back once is, whatever is said here.
   */
  readInSlices(isSo: boolean): void;
}

export interface MqttLogin {
  /** The peer's IP address. */
  readonly address: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Whether the TLS certificate that the client showed is made out to its client id. */
  readonly certificate: "none" | "own" | "foreign";
}

/** CONNACK codes of MQTT 3.1.1 §3.2.2.3 that an authentication may answer with. */
export const CONNACK_REFUSAL = { unavailable: 3, badCredentials: 4, notAuthorized: 5 } as const;

export type MqttAdmission =
  | { readonly accepted: true }
  | {
      readonly accepted: false;
      readonly answer: keyof typeof CONNACK_REFUSAL;
      /** For the log. */
      readonly reason: string;
    };

/** Why the server itself turns a client away: a closed list, fit for a metric's label. */
export type MqttRefusal =
  | "handshake"
  | "packet-size"
  | "malformed"
  | "not-connect"
  | "connect-timeout"
  | "protocol"
  | "keepalive"
  | "will"
  | "unclean-session"
  | "login"
  | "subscribe"
  | "qos"
  | "retained"
  | "unacknowledged"
  | "slow-reader"
  | "too-many-connections"
  | "address-blocked"
  | "address-busy";

/**
 * Whether a new connection may stay, and in how many milliseconds it begins; until then it is not read. `settled` is called
 * once, when it has logged in or ended.
 */
export type MqttArrival =
  | { readonly refused: Extract<MqttRefusal, "address-blocked" | "address-busy"> }
  | { readonly settled: () => void; readonly inMs: number };

export interface MqttLimits {
  readonly maxConnections: number;
  /** A whole CONNECT, and anything else that comes before authentication. */
  readonly maxConnectBytes: number;
  readonly maxPayloadBytes: number;
  readonly connectTimeoutMs: number;
  /** The longest keepalive that a client may ask for; none at all is refused. */
  readonly maxKeepaliveS: number;
  /** How long a client may leave its socket full. */
  readonly drainTimeoutMs: number;
  /** Publishes of one client without PUBACK: more and it is closed. A device's window is 100 (PROTOCOL.md §5). */
  readonly maxUnacknowledged: number;
  /** Pushes to one client that its socket has not taken. */
  readonly maxUnsentPushes: number;
}

export const DEFAULT_MQTT_LIMITS: MqttLimits = {
  maxConnections: 20_000,
  maxConnectBytes: 4096,
  maxPayloadBytes: MAX_PAYLOAD_BYTES,
  connectTimeoutMs: 10_000,
  maxKeepaliveS: 300,
  drainTimeoutMs: 10_000,
  maxUnacknowledged: 200,
  maxUnsentPushes: 500,
};

/** `Context` is what its user makes of a session, and is given back with all that happens there. */
export interface MqttServerOptions<Context extends object = MqttSession> {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly tls?: TlsOptions;
  /** Plain TCP on another address than loopback is refused unless this says so (PROTOCOL.md §5). */
  readonly allowPlaintext?: boolean;
  readonly limits?: Partial<MqttLimits>;
  readonly log: Logger;
  /** Called with every connection before a byte of it is read. */
  arrive?(address: string): MqttArrival;
  /** Called with every well-formed CONNECT; must not throw. */
  authenticate(login: MqttLogin): MqttAdmission;
  /**
   * An authenticated client is there. Its CONNACK has not left: nothing may be pushed before `onReady` or its first publish. Not
   * to be closed in here.
   */
  onConnect(session: MqttSession): Context;
  /** The client's CONNACK has left: from here on it may be pushed to. */
  onReady?(context: Context): void;
  /**
   * Called in publish order; its `answer` is to be called once, now or later, in any order. Where it throws instead, the
   * connection closes without PUBACK. A callback and no promise: this is every record's way, and promises were a good
   * part of what one cost.
   */
  onPublish(context: Context, publish: MqttPublish): void;
  /** The session ended, for whatever reason; called once for each `onConnect`. */
  onClose(context: Context, reason: string): void;
  /**
   * Bytes of an authenticated client have been read, with the beginnings of so many packets of any kind after its CONNECT. First
   * called right after `onConnect`, with what came so far.
   */
  onRead?(context: Context, bytes: number, packets: number): void;
  /** A client was turned away, or a request of it refused; `stranger` is the address of one that has not logged in. */
  onRefused?(refusal: MqttRefusal, stranger?: string): void;
}

export interface MqttServer<Context extends object = MqttSession> {
  readonly port: number;
  /** Authenticated sessions. */
  readonly sessions: number;
  /** The session of a client id, `null` if it is not connected here. */
  session(clientId: string): Context | null;
  /**
   * Under pressure a client that waits for more than one PUBACK is not read, save for bytes already on their way in. The
   * others are: who waits for a partition that does not answer must not silence those who do not.
   */
  setPressure(isHigh: boolean): void;
  /** New connections get this certificate; those that are open stay as they are. Not for a plaintext server. */
  setCertificate(tls: TlsOptions): void;
  /** The most connections from now on; those that are open stay. */
  setMaxConnections(count: number): void;
  /** Takes no new connection or byte, waits up to `deadlineMs` for what is pending, then closes everything. */
  stop(deadlineMs: number): Promise<void>;
}
