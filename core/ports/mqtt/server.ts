/**
 * The bridge's MQTT 3.1.1 server (PROTOCOL.md §5): takes QoS 1 publishes, acknowledges each when its verdict is in
 * and in order, pushes to clients without subscriptions, and refuses the rest of MQTT with a logged reason.
 * The only place that imports aedes, with the files beside it; what it keeps away is in TRAPS, "aedes".
 */
import { once } from "node:events";
import { createServer as createTcpServer, isIP, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, Server as TlsServer } from "node:tls";
import { VeilError } from "../../errors.ts";
import { pause } from "../../runtime/backoff.ts";
import { cannotListen, listenAddress } from "../../runtime/listen-address.ts";
import { Quiet } from "../../runtime/quiet.ts";
import { Acks } from "./server-acks.ts";
import { Arrivals } from "./server-arrivals.ts";
import { Broker } from "./server-broker.ts";
import { Connection, type ConnectionOptions } from "./server-connection.ts";
import { packetLimits } from "./server-guard.ts";
import { DEFAULT_MQTT_LIMITS, type MqttServer, type MqttServerOptions } from "./server-types.ts";

/** Lines in the log for what one address is refused. */
const REFUSALS_PER_MINUTE = 600;

/**
 * Listens; resolves when it does. Throws CONFIG for plain TCP off loopback without `allowPlaintext`, and for an
 * address that cannot be listened on.
 */
export async function startMqttServer<Context extends object>(
  options: MqttServerOptions<Context>,
): Promise<MqttServer<Context>> {
  if (!options.tls && !options.allowPlaintext && !isLoopback(options.host))
    throw new VeilError("CONFIG", "MQTT without TLS off loopback must be asked for by name", {
      hint: "give the listener a certificate, or allow plaintext",
    });
  const limits = { ...DEFAULT_MQTT_LIMITS, ...options.limits };
  const broker = await Broker.start(limits);
  const arrivals = new Arrivals(options);
  const connections = new Connections({ ...options, limits, broker, arrivals });
  const server = createListener(options, limits.connectTimeoutMs, (socket) =>
    connections.accept(socket),
  );
  arrivals.guard(server, limits.connectTimeoutMs);
  server.maxConnections = limits.maxConnections;
  server.on("drop", () => options.onRefused?.("too-many-connections"));
  try {
    await listen(server, options);
  } catch (error) {
    // Its timers would keep alive a process that has nothing to do.
    await broker.stop();
    throw error;
  }
  return connections.serve(server);
}

type ConnectionsOptions<Context extends object> = MqttServerOptions<Context> & {
  readonly limits: typeof DEFAULT_MQTT_LIMITS;
  readonly broker: Broker;
  readonly arrivals: Arrivals;
};

class Connections<Context extends object> {
  readonly #options: ConnectionsOptions<Context>;
  readonly #ofEach: ConnectionOptions<Context>;
  readonly #all = new Set<Connection<Context>>();
  readonly #open = new Map<string, Connection<Context>>();
  #isPressed = false;
  #stopping = false;

  constructor(options: ConnectionsOptions<Context>) {
    this.#options = options;
    const { broker, limits, arrivals } = options;
    this.#ofEach = {
      broker,
      limits,
      packetLimits: packetLimits(limits),
      server: options,
      acks: new Acks(),
      refusals: new Quiet({ perMinute: REFUSALS_PER_MINUTE }),
      isPressed: () => this.#isPressed,
      isStopping: () => this.#stopping,
      onOpen: (opened, socket) => {
        arrivals.loggedIn(socket);
        return this.#opened(opened);
      },
      onEnd: (ended, reason) => this.#ended(ended, reason),
    };
  }

  accept(socket: Socket): void {
    const connection = new Connection(socket, this.#ofEach);
    this.#all.add(connection);
    connection.start();
  }

  serve(server: Server): MqttServer<Context> {
    const sessions = this.#open;
    const address = server.address();
    return {
      port: typeof address === "object" && address ? address.port : 0,
      get sessions() {
        return sessions.size;
      },
      session: (clientId) => sessions.get(clientId)?.context ?? null,
      setPressure: (isHigh) => this.#setPressure(isHigh),
      setCertificate: (tls) => {
        if (server instanceof TlsServer) server.setSecureContext(tls);
      },
      setMaxConnections: (count) => {
        server.maxConnections = count;
      },
      stop: (deadlineMs) => this.#stop(server, deadlineMs),
    };
  }

  #opened(connection: Connection<Context>): Context {
    // aedes takes over by itself, but forgets a session whose twin hung up while it was being authenticated.
    this.#open.get(connection.clientId)?.close("taken over by another connection");
    this.#open.set(connection.clientId, connection);
    return this.#options.onConnect(connection);
  }

  #ended(connection: Connection<Context>, reason: string): void {
    this.#all.delete(connection);
    if (this.#open.get(connection.clientId) !== connection) return;
    this.#open.delete(connection.clientId);
    const { context } = connection;
    if (context !== undefined) this.#options.onClose(context, reason);
  }

  #setPressure(isHigh: boolean): void {
    const isOver = this.#isPressed && !isHigh;
    this.#isPressed = isHigh;
    if (isOver) for (const connection of this.#all) connection.resume();
  }

  async #stop(server: Server, deadlineMs: number): Promise<void> {
    this.#stopping = true;
    const closed = once(server, "close");
    server.close();
    const cancel = new AbortController();
    await Promise.race([
      Promise.all([...this.#open.values()].map((connection) => connection.idle())),
      pause(deadlineMs, cancel.signal),
    ]);
    cancel.abort();
    for (const connection of [...this.#all]) connection.finish("the bridge stops");
    this.#options.arrivals.destroyStrangers();
    await closed;
    await this.#options.broker.stop();
  }
}

function createListener(
  { tls }: Pick<MqttServerOptions, "tls">,
  handshakeTimeout: number,
  accept: (socket: Socket) => void,
): Server {
  if (!tls) return createTcpServer({ noDelay: true }, accept);
  return createTlsServer({ ...tls, noDelay: true, handshakeTimeout }, accept);
}

async function listen(
  server: Server,
  { host, port }: Pick<MqttServerOptions, "host" | "port">,
): Promise<void> {
  try {
    server.listen({ host: await listenAddress(host), port });
    await once(server, "listening");
  } catch (cause) {
    throw cannotListen(`for MQTT on ${host}:${port}`, cause);
  }
}

function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  return isIP(host) === 4 ? host.startsWith("127.") : host === "::1";
}
