/**
 * The devices' side of the bridge (PROTOCOL.md §5): MQTT in, PUBACKs and pushes out.
 *
 *   connect → authenticate → session
 *   v1/reg → registration → alias      v1/key → announcement → registry      v1/rec → record → writer
 *   mailbox → v1/mail → PUBACK → removed
 *   directory changes → review → sessions closed, aliases withdrawn, producers told to rekey
 */
import type { TlsOptions } from "node:tls";
import { startMqttServer } from "../../core/ports/mqtt/server.ts";
import type {
  MqttAdmission,
  MqttLogin,
  MqttPublish,
  MqttRefusal,
  MqttServer,
  MqttServerOptions,
  MqttSession,
  MqttVerdict,
} from "../../core/ports/mqtt/server-types.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import type { UpstreamKind } from "../../core/wire/mqtt.ts";
import type { ClientChange, Tenant } from "../directory/types.ts";
import type { Rated } from "../limits/quotas.ts";
import { MailDelivery, type MailDeliveryOptions } from "../mail/delivery.ts";
import { announce } from "./announcement.ts";
import { authenticate, type Identity } from "./authenticate.ts";
import { takeRecord } from "./record.ts";
import { register } from "./registration.ts";
import { reviewClient, reviewProducer, reviewTenant } from "./review.ts";
import { type IngressServices, noteRefusal } from "./services.ts";
import { Session } from "./session.ts";
import { UpstreamTopics } from "./upstream-topics.ts";

/** Below the deadline of a part's stop, so that what is not confirmed by then is closed in order. */
const DRAIN_MS = 5000;
/** What no device sends before it has logged in, however bad its network is. */
const NO_DEVICE: ReadonlySet<MqttRefusal> = new Set(["packet-size", "not-connect"]);

const OVER: MqttVerdict = { reason: "the session is over" };

export interface IngressOptions extends Omit<IngressServices, "nowMs"> {
  readonly listener: Pick<MqttServerOptions, "host" | "port" | "tls" | "allowPlaintext" | "limits">;
  readonly nowMs?: () => number;
}

export class Ingress {
  readonly #listener: IngressOptions["listener"];
  readonly #services: IngressServices;
  readonly #mail: MailDeliveryOptions;
  readonly #sessions = new Set<Session>();
  readonly #topics = new UpstreamTopics();
  #server: MqttServer<Session> | undefined;
  #stopListening: (() => void)[] = [];

  constructor({ listener, nowMs = Date.now, ...services }: IngressOptions) {
    this.#listener = listener;
    this.#services = { ...services, nowMs };
    const { mailboxes, metrics, log } = services;
    const onDelivered = (tenant: string): void => metrics.mailDelivered(tenant);
    this.#mail = { mailboxes, onDelivered, log };
  }

  /** Begins to take connections. Throws CONFIG as `startMqttServer`. */
  async start(): Promise<void> {
    const { directory, rekeys, limits, log, metrics } = this.#services;
    this.#stopListening = [
      directory.onClientChange((change) => this.#clientChanged(change)),
      directory.onTenant((tenant) => this.#tenantChanged(tenant)),
      rekeys.onLost((tags, tenant) => this.#readerLost(tags, tenant)),
    ];
    this.#server = await startMqttServer({
      ...this.#listener,
      log,
      arrive: (address) => limits.addresses.arrive(address),
      authenticate: (login) => this.#authenticate(login),
      onConnect: (connection) => this.#connected(connection),
      onRead: (session, bytes, packets) => this.#read(session, bytes, packets),
      onReady: (session) => this.#ready(session),
      onPublish: (session, publish) => this.#publish(session, publish),
      onClose: (session, reason) => this.#closed(session, reason),
      onRefused: (refusal, stranger) => {
        metrics.mqttRefused(refusal);
        if (stranger !== undefined && NO_DEVICE.has(refusal)) limits.addresses.failed(stranger);
      },
    });
    log.info({ host: this.#listener.host, port: this.#server.port }, "taking MQTT connections");
  }

  /** Takes nothing more, lets what is pending be acknowledged for a while, closes. */
  async stop(): Promise<void> {
    await this.#server?.stop(DRAIN_MS);
    for (const stopListening of this.#stopListening) stopListening();
  }

  /** Where it listens; 0 before `start`. */
  get port(): number {
    return this.#server?.port ?? 0;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** While the writer has too much to write, devices that wait for Kafka are not read. */
  setPressure(isHigh: boolean): void {
    this.#server?.setPressure(isHigh);
  }

  /** New connections get this certificate; those that are open stay. */
  setCertificate(tls: TlsOptions): void {
    this.#server?.setCertificate(tls);
  }

  setMaxConnections(count: number): void {
    this.#server?.setMaxConnections(count);
  }

  /** Ends the sessions of a tenant that is served no more. */
  closeTenant(tenant: string): void {
    for (const session of [...this.#sessions])
      if (session.login.tenant === tenant)
        session.connection.close("the tenant is not served here");
  }

  /** What lies there for the device is pushed to it from now on. */
  #ready(session: Session): void {
    if (!session.hasEnded) session.mail = new MailDelivery(this.#mail, session);
  }

  #authenticate(asked: MqttLogin): MqttAdmission {
    const identity = this.#identify(asked);
    if ("code" in identity) {
      const { login, code, admission } = identity;
      if (code === "AUTH") this.#services.limits.addresses.failed(asked.address);
      noteRefusal(this.#services, { login, what: "connect", code, reason: admission.reason });
    }
    return identity.admission;
  }

  /** A client that is here already takes over its own place. */
  #identify(asked: MqttLogin): Identity {
    const { directory, limits } = this.#services;
    const identity = authenticate(directory, asked);
    if ("code" in identity) return identity;
    const { login } = identity;
    if (!limits.mayConnect(login)) return tooMany(login, "the client connects too often");
    if (this.#server?.session(asked.clientId) || limits.hasRoom(login.tenant)) return identity;
    return tooMany(login, "the tenant has too many connections");
  }

  #connected(connection: MqttSession): Session {
    const { limits, sightings, metrics, nowMs } = this.#services;
    const session = new Session(connection, { quotas: limits.quotas, sightings, metrics });
    connection.readInSlices(true);
    this.#sessions.add(session);
    session.sighting.connections++;
    session.sighting.lastSeenMs = nowMs();
    limits.connected(session.login.tenant);
    return session;
  }

  #read(session: Session, bytes: number, packets: number): void {
    session.readAtMs = this.#services.nowMs();
    const waitMs = session.quota.chargeRead(bytes, packets);
    if (waitMs > 0) session.connection.holdBack(waitMs);
  }

  #publish(session: Session, publish: MqttPublish): void {
    if (session.isBroken) {
      publish.answer(OVER);
      return;
    }
    const { readAtMs: nowMs } = session;
    session.sighting.active(nowMs);
    const upstream = this.#topics.parse(publish.topic);
    if (!upstream) {
      publish.answer(this.#violation(session, "rec", "a topic that no client may publish to"));
      return;
    }
    const { kind, alias: number } = upstream;
    if (kind === "reg") {
      whenPaid(session, "registrations", publish, () => {
        void register(this.#services, session, number, publish.payload);
        publish.answer("ack", session.counts.pubacks.reg);
      });
      return;
    }
    const alias = session.alias(number);
    if (!alias)
      publish.answer(this.#violation(session, kind, "an alias that was not accepted here"));
    else if (kind === "rec") takeRecord(this.#services, session, { alias, publish, nowMs });
    else
      whenPaid(session, "announcements", publish, () => {
        void announce(this.#services, session, alias, publish.payload).then((verdict) =>
          publish.answer(verdict, session.counts.pubacks.key),
        );
      });
  }

  /** No code of the protocol fits what a client must not do: it is closed, without PUBACK. */
  #violation(session: Session, what: UpstreamKind, reason: string): MqttVerdict {
    session.break();
    noteRefusal(this.#services, { login: session.login, what, code: "BAD_ARGUMENT", reason });
    return { reason };
  }

  #closed(session: Session, reason: string): void {
    this.#sessions.delete(session);
    session.end();
    session.sighting.connections--;
    this.#services.limits.disconnected(session.login.tenant);
    this.#services.writer.drop(session.sender);
    const { client, tenant } = session.login;
    const told = this.#services.limits.closings.take(session.connection.clientId);
    if (told)
      this.#services.log.info(
        { event: "closed", client, tenant, reason, ...told },
        "session closed",
      );
  }

  #clientChanged(change: ClientChange): void {
    const session = this.#server?.session(formatLogin(change.login));
    if (session) reviewClient(this.#services, session, change);
  }

  #readerLost(tags: ReadonlySet<string>, tenant: string): void {
    for (const session of this.#sessions)
      if (session.login.tenant === tenant) reviewProducer(this.#services, session, tags);
  }

  #tenantChanged(tenant: Tenant): void {
    for (const session of this.#sessions)
      if (session.login.tenant === tenant.name) reviewTenant(this.#services, session, tenant);
  }
}

/**
 * Does `job` as soon as its rate allows, however much of the kind came in one read: a thousand registrations fit into one, and to
 * judge them in one turn of the event loop would stop everybody. It has no PUBACK until then.
 */
function whenPaid(session: Session, rated: Rated, publish: MqttPublish, job: () => void): void {
  const waitMs = session.quota.charge(rated, 1);
  if (waitMs > 0)
    setTimeout(() => (session.isBroken ? publish.answer(OVER) : job()), waitMs).unref();
  else job();
}

function tooMany(login: Login, reason: string): Identity {
  return { login, code: "LIMIT", admission: { accepted: false, answer: "unavailable", reason } };
}
