/**
 * A device's MQTT connection to a bridge (PROTOCOL.md §5): MQTT 3.1.1, clean session, QoS 1.
 *
 * One MqttClient of mqtt.js for each connection, and its own reconnecting is off: after a reconnect it
 * would send queued publishes before ours, a record before its registration; and past 65,535 of them it
 * loses data without a word. The caller connects again and sends again, from its own outbox.
 */
import type { IClientOptions, MqttClient } from "mqtt";
import { type ErrorCode, VeilError } from "../../errors.ts";
import type { OwnCertificate } from "../tls/own.ts";

const CONNECT_TIMEOUT_MS = 20_000;

export interface MqttClientOptions {
  /** `mqtts://host:port` or `mqtt://host:port`. */
  readonly url: string;
  /** `<clientId>@<tenant>`: MQTT client id and user name at once. */
  readonly login: string;
  /** The 32-byte secret; on the wire as b64url. */
  readonly secret: Uint8Array;
  /** PEM of the only authority that is trusted; without it no `mqtts` connection is made. */
  readonly ca?: string;
  /** Shown to a bridge that asks for one. */
  readonly certificate?: OwnCertificate | undefined;
  /** Aborting closes the connection, also while it opens. */
  readonly signal: AbortSignal;
  /**
   * Told of every message, also of those that come before `connectMqtt` has resolved. Returns whether it
   * is taken: a QoS 1 message that is not taken gets no PUBACK and stays with the bridge. Where that takes a
   * while, such as a write to the disk, nothing more is read meanwhile. Must neither throw nor reject.
   */
  readonly onMessage: (topic: string, payload: Buffer) => boolean | Promise<boolean>;
  readonly connectTimeoutMs?: number;
  /** Seconds between signs of life; without an answer the connection ends after 1.5 times that. */
  readonly keepaliveS: number;
}

export interface MqttConnection {
  /**
   * Publishes with QoS 1; resolves at the PUBACK, however long it takes. Rejects with the reason of
   * `closed` if the connection ends first: then the bridge may or may not have it. How many are in
   * flight is the caller's to bound.
   */
  publish(topic: string, payload: Buffer): Promise<void>;
  /** Resolves when the connection has ended, with why: DISCONNECTED, TIMEOUT, STOPPED (by us). Never rejects. */
  readonly closed: Promise<VeilError>;
  /** Ends it; resolves with `closed`. */
  close(): Promise<void>;
}

/**
 * Connects and logs in. Rejects with AUTH where the bridge refuses the login, REVOKED where it knows
 * it and does not want it any more, BAD_CREDENTIAL for `mqtts` without `ca`, UNAVAILABLE where it cannot be reached or will not serve now, TIMEOUT where nothing answers, STOPPED where `signal` aborts.
 */
export async function connectMqtt(options: MqttClientOptions): Promise<MqttConnection> {
  if (options.signal.aborted) throw stopped();
  if (options.url.startsWith("mqtts:") && options.ca === undefined)
    throw new VeilError(
      "BAD_CREDENTIAL",
      "the credential holds no authority to know the bridge by",
    );
  const { connect } = await loadMqtt();
  if (options.signal.aborted) throw stopped();
  const connection = new Connection(connect(options.url, clientOptions(options)), options);
  await connection.opened;
  return connection;
}

/** When it is first needed: a device reads its ports by then. */
async function loadMqtt(): Promise<typeof import("mqtt")> {
  await import("./lean-packets.ts");
  return import("mqtt");
}

function clientOptions(options: MqttClientOptions): IClientOptions {
  const { login, secret, ca, certificate } = options;
  return {
    protocolVersion: 4,
    clean: true,
    clientId: login,
    username: login,
    password: Buffer.from(secret).toString("base64url"),
    keepalive: options.keepaliveS,
    connectTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    ...(ca === undefined ? {} : { ca }),
    ...certificate,
  };
}

class Connection implements MqttConnection {
  readonly opened: Promise<void>;
  readonly closed: Promise<VeilError>;
  readonly #client: MqttClient;
  /** The `reject` of every publish without its PUBACK. mqtt.js forgets them when a connection ends. */
  readonly #unanswered = new Set<(reason: VeilError) => void>();
  #connected = false;
  #reason: VeilError | undefined;

  constructor(client: MqttClient, { signal, onMessage }: MqttClientOptions) {
    this.#client = client;
    // Called for every QoS before the PUBACK; an error there withholds it and the connection goes on.
    client.handleMessage = ({ topic, payload }, done) => {
      const answer = (isTaken: boolean): void => done(isTaken ? undefined : new Error("not taken"));
      const taken = onMessage(topic, Buffer.from(payload));
      if (typeof taken === "boolean") answer(taken);
      else void taken.then(answer);
    };
    // Stays for good: mqtt.js still reports errors of a socket that is already given up.
    client.on("error", (error) => this.#end(failure(error, this.#connected)));
    const onAbort = (): void => this.#end(stopped());
    signal.addEventListener("abort", onAbort, { once: true });
    this.closed = new Promise((resolve) => {
      client.once("close", () => {
        signal.removeEventListener("abort", onAbort);
        resolve(this.#finish());
      });
    });
    this.opened = new Promise((resolve, reject) => {
      client.once("connect", () => {
        this.#connected = true;
        resolve();
      });
      void this.closed.then(reject);
    });
  }

  async publish(topic: string, payload: Buffer): Promise<void> {
    if (this.#reason) throw this.#reason;
    await new Promise<void>((resolve, reject) => {
      this.#unanswered.add(reject);
      this.#client.publish(topic, payload, { qos: 1 }, (error) => {
        this.#unanswered.delete(reject);
        if (error) reject(new VeilError("DISCONNECTED", "the publish failed", { cause: error }));
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    this.#end(stopped());
    await this.closed;
  }

  /** The first reason counts. */
  #end(reason: VeilError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#client.end(true);
  }

  #finish(): VeilError {
    this.#reason ??= this.#connected
      ? new VeilError("DISCONNECTED", "the bridge closed the connection")
      : new VeilError("UNAVAILABLE", "the bridge closed the connection before it answered");
    for (const reject of this.#unanswered) reject(this.#reason);
    this.#unanswered.clear();
    // Frees timers and stores of a client whose socket the other side has closed.
    this.#client.end(true);
    return this.#reason;
  }
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the connection was closed");
}

/** CONNACK return codes (MQTT 3.1.1, table 3.1) that say something about who connects. */
const IDENTIFIER_REJECTED = 2;
const BAD_CREDENTIALS = 4;
const NOT_AUTHORIZED = 5;
const CERTIFICATE = /CERT|SELF_SIGNED|ISSUER|VERIFY|ERR_TLS/;

/** Errors of mqtt.js have a number as code for a CONNACK, text for the system's, and none for its own. */
function failure(cause: Error, connected: boolean): VeilError {
  const code: unknown = "code" in cause ? cause.code : undefined;
  if (typeof code === "number") return refused(code, cause);
  if (typeof code !== "string")
    return new VeilError("TIMEOUT", "the bridge does not answer", { cause });
  const lost: ErrorCode = connected ? "DISCONNECTED" : "UNAVAILABLE";
  if (CERTIFICATE.test(code))
    return new VeilError(lost, `the bridge's certificate is not accepted (${code})`, {
      hint: "the credential's CA must have signed it for the host in the URL; is this machine's clock right?",
      cause,
    });
  const text = connected ? "the connection broke" : "the bridge cannot be reached";
  return new VeilError(lost, `${text} (${code})`, { cause });
}

function refused(code: number, cause: Error): VeilError {
  if (code === NOT_AUTHORIZED)
    return new VeilError("REVOKED", "the bridge says that this client is revoked", {
      hint: "the owner can enrol it again under the same name: `veilmq kms enrol`",
      cause,
    });
  if (code === BAD_CREDENTIALS || code === IDENTIFIER_REJECTED)
    return new VeilError("AUTH", "the bridge refuses this client's login", {
      hint: "is the client enrolled, its enrolment imported at the bridge, and this its newest credential?",
      cause,
    });
  return new VeilError("UNAVAILABLE", `the bridge does not serve now (CONNACK ${code})`, { cause });
}
