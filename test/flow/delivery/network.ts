/**
 * MQTT without sockets: what `core/ports/mqtt` promises to both ends, over links whose messages and ends arrive at
 * moments of the stage's choosing, in order in each direction. It also holds the device to PROTOCOL.md §5.
 */
import { VeilError } from "../../../core/errors.ts";
import type { MqttClientOptions, MqttConnection } from "../../../core/ports/mqtt/client.ts";
import { InOrder, type Ordered } from "../../../core/ports/mqtt/server-order.ts";
import type {
  MqttMessage,
  MqttServer,
  MqttServerOptions,
  MqttSession,
  MqttVerdict,
} from "../../../core/ports/mqtt/server-types.ts";
import { parseUpstream } from "../../../core/wire/mqtt.ts";
import type { Stage } from "./stage.ts";

const MAX_WINDOW = 100;

/** Told of every PUBACK that a device gets. */
export type OnPuback = (message: MqttMessage) => void;

export class Network {
  static current: Network | undefined;
  readonly stage: Stage;
  readonly onPuback: OnPuback;
  readonly #servers = new Map<string, Server>();
  readonly #links = new Set<Link>();

  constructor(options: { stage: Stage; onPuback: OnPuback }) {
    this.stage = options.stage;
    this.onPuback = options.onPuback;
  }

  /** In the place of `startMqttServer`: `host` is the bridge's name. */
  listen(options: MqttServerOptions<object>): MqttServer<object> {
    const server = new Server(options);
    this.#servers.set(options.host, server);
    return server;
  }

  /** The bridge's process is gone, and its connections with it. */
  kill(host: string): void {
    const server = this.#servers.get(host);
    this.#servers.delete(host);
    for (const link of this.#links) if (link.server === server) link.cut();
  }

  /** The device's connection is gone; each end hears of it some time. */
  cut(login: string): void {
    for (const link of this.#links) if (link.clientId === login) link.cut();
  }

  /** The device's process is gone: it hears nothing any more. */
  abandon(login: string): void {
    for (const link of this.#links) if (link.clientId === login) link.abandon();
  }

  /** In the place of `connectMqtt`. */
  async connect(options: MqttClientOptions): Promise<MqttConnection> {
    const { stage } = this;
    return new Promise((resolve, reject) => {
      stage.later(`${options.login} connects to ${options.url}`, () => {
        const server = this.#servers.get(new URL(options.url).host);
        if (options.signal.aborted) reject(new VeilError("STOPPED", "stopped"));
        else if (!server) reject(new VeilError("UNAVAILABLE", "the bridge cannot be reached"));
        else if (!server.admits(options)) reject(new VeilError("AUTH", "refused"));
        else {
          const link = new Link({ network: this, server, options });
          this.#links.add(link);
          server.open(link);
          stage.later(`${options.login} is let in`, () => resolve(link));
        }
      });
    });
  }
}

class Server implements MqttServer<object> {
  readonly options: MqttServerOptions<object>;
  readonly port = 1;
  readonly #sessions = new Map<string, Link>();

  constructor(options: MqttServerOptions<object>) {
    this.options = options;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  session(clientId: string): object | null {
    return this.#sessions.get(clientId)?.context ?? null;
  }

  admits({ login, secret }: MqttClientOptions): boolean {
    const password = Buffer.from(secret).toString("base64url");
    const asked = { clientId: login, username: login, password } as const;
    const { accepted } = this.options.authenticate({
      ...asked,
      address: "10.0.0.1",
      certificate: "none",
    });
    return accepted;
  }

  open(link: Link): void {
    this.#sessions.get(link.clientId)?.closeByServer("taken over");
    this.#sessions.set(link.clientId, link);
    link.context = this.options.onConnect(link);
    this.options.onRead?.(link.context, 0, 0);
  }

  ended(link: Link, reason: string): void {
    if (this.#sessions.get(link.clientId) !== link) return;
    this.#sessions.delete(link.clientId);
    this.options.onClose(link.context, reason);
  }

  setPressure(): void {}
  setCertificate(): void {}
  setMaxConnections(): void {}
  async stop(): Promise<void> {}
}

interface Pending extends Ordered<Pending> {
  /** The how-manieth publish of its connection, from 1. */
  readonly n: number;
  verdict: MqttVerdict | undefined;
  readonly puback: () => void;
}

/** One connection: the device's end and the bridge's. */
class Link implements MqttSession, MqttConnection {
  readonly clientId: string;
  readonly server: Server;
  readonly closed: Promise<VeilError>;
  /** What the bridge made of it. */
  context: object = this;
  readonly #network: Network;
  readonly #onMessage: MqttClientOptions["onMessage"];
  readonly #up: (() => void)[] = [];
  readonly #down: (() => void)[] = [];
  readonly #unanswered = new Set<(reason: VeilError) => void>();
  readonly #pending = new InOrder<Pending>({
    isComplete: ({ verdict }) => verdict !== undefined,
    leave: (pending) => this.#leave(pending),
  });
  #resolveClosed: (reason: VeilError) => void = () => undefined;
  #isCut = false;
  #device: "open" | "ended" | "abandoned" = "open";
  #isServed = true;
  #arrivals = 0;
  #left = 0;
  #asked = 0;
  #inFlight = 0;
  #answered = 0;

  constructor(parts: { network: Network; server: Server; options: MqttClientOptions }) {
    this.#network = parts.network;
    this.server = parts.server;
    this.clientId = parts.options.login;
    this.#onMessage = parts.options.onMessage;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  // The device's end

  async publish(topic: string, payload: Buffer): Promise<void> {
    if (this.#device !== "open") throw new VeilError("DISCONNECTED", "ended");
    const isRegistration = parseUpstream(topic)?.kind === "reg";
    this.#count(isRegistration, 1);
    await new Promise<void>((resolve, reject) => {
      this.#unanswered.add(reject);
      const puback = (): void => {
        if (this.#device !== "open") return;
        this.#unanswered.delete(reject);
        this.#count(isRegistration, -1);
        if (!isRegistration) this.#network.onPuback({ topic, payload });
        resolve();
      };
      this.#send(this.#up, "up", () => this.#arrived({ topic, payload }, puback));
    });
  }

  async close(): Promise<void>;
  close(reason: string): void;
  close(reason?: string): Promise<void> | undefined {
    if (reason !== undefined) {
      this.closeByServer(reason);
      return undefined;
    }
    this.#send(this.#up, "up", () => this.#endServer("the device closed"));
    this.#endDevice(new VeilError("STOPPED", "closed"));
    return this.closed.then(() => undefined);
  }

  abandon(): void {
    this.#device = "abandoned";
    this.cut();
  }

  /** PROTOCOL.md §5: the window is 1 and grows with PUBACKs; one registration at a time. */
  #count(isRegistration: boolean, change: 1 | -1): void {
    if (isRegistration) this.#asked += change;
    else this.#inFlight += change;
    if (!isRegistration && change < 0) this.#answered += 1;
    const window = Math.min(MAX_WINDOW, 1 + this.#answered);
    if (this.#asked > 1) this.#network.stage.violations.push("two registrations at a time");
    if (this.#inFlight > window) this.#network.stage.violations.push("beyond the window");
  }

  #endDevice(reason: VeilError): void {
    if (this.#device !== "open") return;
    this.#device = "ended";
    for (const reject of this.#unanswered) reject(reason);
    this.#resolveClosed(reason);
  }

  // Between

  #send(direction: (() => void)[], label: string, arrive: () => void): void {
    if (this.#isCut) return;
    direction.push(arrive);
    this.#network.stage.later(`${label} ${this.clientId}`, () => direction.shift()?.());
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const lost = new VeilError("DISCONNECTED", "the connection broke");
    this.#network.stage.later(`${this.clientId} hears`, () => this.#endDevice(lost));
    // A half-open connection: until then the bridge goes on writing what it has of this session.
    this.#network.stage.muchLater("the bridge hears", () =>
      this.#endServer("the connection broke"),
    );
  }

  // The bridge's end

  holdBack(): void {}

  readInSlices(): void {}

  async push(message: MqttMessage, _qos: 0 | 1): Promise<void> {
    if (!this.#isServed) throw new VeilError("DISCONNECTED", "the client is not connected");
    this.#tell(message);
  }

  closeByServer(reason: string): void {
    if (!this.#isServed) return;
    const gone = new VeilError("DISCONNECTED", "the bridge closed the connection");
    this.#send(this.#down, "down", () => this.#endDevice(gone));
    this.#endServer(reason);
  }

  #tell({ topic, payload }: MqttMessage): void {
    this.#send(this.#down, "down", () => {
      if (this.#device === "open") void this.#onMessage(topic, payload);
    });
  }

  #arrived(message: MqttMessage, puback: () => void): void {
    if (!this.#isServed) return;
    const pending: Pending = { n: ++this.#arrivals, verdict: undefined, puback, next: undefined };
    this.#pending.add(pending);
    this.server.options.onRead?.(this.context, message.payload.length, 1);
    const answer = (verdict: MqttVerdict): void => {
      if (pending.verdict) this.#network.stage.violations.push("a publish was answered twice");
      pending.verdict ??= verdict;
      this.#pending.flush();
    };
    this.server.options.onPublish(this.context, { ...message, answer });
  }

  #leave({ n, verdict, puback }: Pending): boolean {
    this.#left += 1;
    if (n !== this.#left) this.#network.stage.violations.push("PUBACKs out of order");
    if (typeof verdict !== "object") {
      this.#send(this.#down, "puback", puback);
      return true;
    }
    if (verdict.message) this.#tell(verdict.message);
    this.closeByServer(verdict.reason);
    return false;
  }

  #endServer(reason: string): void {
    if (!this.#isServed) return;
    this.#isServed = false;
    this.#pending.end();
    this.server.ended(this, reason);
  }
}
