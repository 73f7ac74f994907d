/**
 * The other end of a device's wire, for tests: the real MQTT server and the real scheme, with memory in the place
 * of Kafka and the registry. It holds a device to PROTOCOL.md §5: a record before its alias or announcement is
 * taken is noted in `violations`. What it should do out of the ordinary, a test says with `decide`.
 */
import { pino } from "pino";
import { Marks } from "../../agent/consumer/marks.ts";
import { startMqttServer } from "../../core/ports/mqtt/server.ts";
import type {
  MqttMessage,
  MqttServer,
  MqttSession,
  MqttVerdict,
} from "../../core/ports/mqtt/server-types.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { proxyRole } from "../../core/scheme/proxy.ts";
import { splitRecord } from "../../core/scheme/record/header.ts";
import { confirmRecordKey, deriveRecordKey } from "../../core/scheme/record/key.ts";
import { openSplit } from "../../core/scheme/record/open.ts";
import { type Halves, type ProxyRole, SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { decodeAnnouncement, kidOf, verifyAnnouncement } from "../../core/wire/announcement.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { formatLogin, secretMatches } from "../../core/wire/login.ts";
import {
  ACK_TOPIC,
  type AckMessage,
  decodeRegistration,
  encodeAck,
  encodeMailPush,
  MAIL_TOPIC,
  type NumberedMail,
  parseUpstream,
  type UpstreamKind,
} from "../../core/wire/mqtt.ts";
import type { FieldDevice, FieldTenant } from "./field-tenant.ts";

/** A publish that is about to be judged. */
export interface Publish {
  readonly kind: UpstreamKind;
  readonly alias: number;
  readonly topic: string | undefined;
  /** Hex; of announcements and records. */
  readonly kid?: string;
  readonly seq?: bigint;
  readonly epoch?: number;
  /** How many publishes this bridge has seen, this one included. */
  readonly count: number;
}

/** `hold`: no verdict, for ever. `drop`: close without a word. An AckMessage is pushed before closing. */
export type Decision = "take" | "hold" | "drop" | { readonly refuse: AckMessage };

export interface Arrival {
  readonly topic: string;
  readonly kid: string;
  readonly seq: bigint;
  readonly plaintext: string;
  readonly epoch: number;
}

/** What a bridge holds of one epoch. */
interface EpochKeys {
  readonly tenant: FieldTenant;
  readonly proxy: ProxyRole;
  readonly topicsByTag: ReadonlyMap<string, string>;
}

interface Session {
  readonly mqtt: MqttSession;
  readonly open: Map<number, string>;
  /** Something failed: what comes later is dropped, so that nothing overtakes (PROTOCOL.md §3). */
  failed: boolean;
}

export class FieldBridge {
  readonly arrivals: Arrival[] = [];
  readonly publishes: Publish[] = [];
  readonly violations: string[] = [];
  readonly announced: string[] = [];
  connects = 0;
  decide: (publish: Publish) => Decision | Promise<Decision> = () => "take";
  login: "ok" | "badCredentials" | "notAuthorized" = "ok";
  /** Epochs whose grace window is over. */
  readonly retired = new Set<number>();
  /** Pushed at the first registration of each connection, until it is taken out. */
  mail: NumberedMail | undefined;
  readonly #device: FieldDevice;
  readonly #epochs = new Map<number, EpochKeys>();
  readonly #keys = new Map<
    string,
    { topic: string; tenant: FieldTenant; ikm: Buffer; commit: Buffer }
  >();
  #server: MqttServer | undefined;
  #session: Session | undefined;
  #port = 0;

  constructor(options: { tenant: FieldTenant; device: FieldDevice }) {
    this.#device = options.device;
    this.addEpoch(options.tenant, options.device.proxy);
  }

  /** From now on aliases of this epoch are taken, too. */
  addEpoch(tenant: FieldTenant, halves: Halves): void {
    const { realm, parameters } = tenant;
    const { topics } = this.#device.credential;
    this.#epochs.set(realm.epoch, {
      tenant,
      proxy: proxyRole({ realm, parameters, halves }),
      topicsByTag: new Map(topics.map(({ name }) => [tenant.tag(name), name])),
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, at the port of its first start. */
  async start(port = this.#port): Promise<void> {
    this.#server = await startMqttServer({
      host: "127.0.0.1",
      port,
      log: pino({ level: "silent" }),
      authenticate: ({ clientId, username, password }) => {
        const { credential } = this.#device;
        const known =
          clientId === formatLogin(credential) &&
          username === clientId &&
          secretMatches(password ?? "", sha256(credential.secret));
        if (this.login !== "ok") return { accepted: false, answer: this.login, reason: "test" };
        return known
          ? { accepted: true }
          : { accepted: false, answer: "badCredentials", reason: "unknown" };
      },
      onConnect: (mqtt) => {
        this.connects++;
        this.#session = { mqtt, open: new Map(), failed: false };
        return mqtt;
      },
      onPublish: (mqtt, publish) =>
        void this.#judge(mqtt, publish)
          .catch(() => ({ reason: "a test bridge" }))
          .then((verdict) => publish.answer(verdict)),
      onClose: () => undefined,
    });
    this.#port = this.#server.port;
  }

  async stop(): Promise<void> {
    await this.#server?.stop(0);
    this.#server = undefined;
  }

  /** Closes the device's connection, whatever is in flight. */
  cut(): void {
    this.#session?.mqtt.close("cut by the test");
  }

  async push(message: AckMessage): Promise<void> {
    await this.#session?.mqtt.push({ topic: ACK_TOPIC, payload: encodeAck(message) }, 0);
  }

  /** Resolves at its PUBACK, which is not read while records are held back. */
  async pushMail(mail: NumberedMail): Promise<void> {
    const payload = encodeMailPush(mail);
    await this.#session?.mqtt.push({ topic: MAIL_TOPIC, payload }, 1);
  }

  /** What a consumer would have read of a topic: arrivals without repeats (PROTOCOL.md §3). */
  read(topic: string): string[] {
    const marks = new Marks();
    const read: string[] = [];
    for (const { kid, seq, plaintext, topic: own } of this.arrivals) {
      const position = { producer: own, kid, seq };
      if (own !== topic || marks.isRepeat(position)) continue;
      marks.advance(position);
      read.push(plaintext);
    }
    return read;
  }

  async #judge(mqtt: MqttSession, message: MqttMessage): Promise<MqttVerdict> {
    const session = this.#session;
    const upstream = parseUpstream(message.topic);
    if (!upstream || session?.mqtt !== mqtt || session.failed) return { reason: "too late" };
    const publish: Publish = {
      ...upstream,
      topic: session.open.get(upstream.alias),
      ...identify(upstream.kind, message.payload),
      count: this.publishes.length + 1,
    };
    this.publishes.push(publish);
    const decision = await this.decide(publish);
    if (session.failed) return { reason: "too late" };
    session.failed =
      decision === "drop" || (typeof decision === "object" && publish.kind !== "reg");
    if (decision === "hold") return new Promise(() => undefined);
    if (decision === "drop") return { reason: "dropped by the test" };
    if (decision !== "take") return this.#refuse(session, publish, decision.refuse);
    if (publish.kind === "reg") return this.#register(session, publish, message.payload);
    if (publish.topic === undefined) {
      this.violations.push(`${publish.kind} before ok`);
      return { reason: "alias not open" };
    }
    return publish.kind === "key"
      ? this.#announce(publish.topic, message.payload)
      : this.#record(publish.topic, message.payload);
  }

  async #refuse(
    session: Session,
    { kind, alias }: Publish,
    refuse: AckMessage,
  ): Promise<MqttVerdict> {
    const message = { topic: ACK_TOPIC, payload: encodeAck(refuse) };
    if (kind !== "reg") return { reason: "refused", message };
    session.open.delete(alias);
    await session.mqtt.push(message, 0);
    return "ack";
  }

  async #register(session: Session, { alias }: Publish, payload: Buffer): Promise<MqttVerdict> {
    if (this.mail) void this.pushMail(this.mail).catch(() => undefined);
    const { epoch, token } = decodeRegistration(payload);
    const keys = this.retired.has(epoch) ? undefined : this.#epochs.get(epoch);
    const topic = keys && topicOf(keys, token);
    const known = session.open.get(alias);
    if (known !== undefined && known !== topic) this.violations.push("an alias changed its topic");
    const code = keys ? "NO_GRANT" : "EPOCH";
    const answer: AckMessage =
      topic !== undefined
        ? { alias, status: "ok" }
        : { alias, status: "refused", code, message: "by the test bridge" };
    if (topic !== undefined) session.open.set(alias, topic);
    await session.mqtt.push({ topic: ACK_TOPIC, payload: encodeAck(answer) }, 0);
    return "ack";
  }

  #announce(topic: string, payload: Buffer): MqttVerdict {
    const announcement = decodeAnnouncement(payload);
    if (!verifyAnnouncement(payload, importPublicKey(this.#device.publicKey)))
      this.violations.push("an announcement with a wrong signature");
    const kid = kidOf(announcement).toString("hex");
    const { wrapped, commit, epoch } = announcement;
    const tenant = this.#epochs.get(epoch)?.tenant;
    if (!tenant) throw new Error("an announcement of an unknown epoch");
    this.#keys.set(kid, { topic, tenant, commit, ikm: tenant.unwrap(wrapped) });
    this.announced.push(kid);
    return "ack";
  }

  #record(topic: string, payload: Buffer): MqttVerdict {
    const parts = splitRecord(payload);
    const { header } = parts;
    const kid = header.kid.toString("hex");
    const known = this.#keys.get(kid);
    if (known?.topic !== topic) {
      this.violations.push("a record before its announcement");
      return { reason: "unknown kid" };
    }
    const { credential, publicKey } = this.#device;
    const { suite, aead } = header;
    const { realm } = known.tenant;
    const producerId = credential.client;
    const key = deriveRecordKey({ suite, aead, realm, topic, producerId, ikm: known.ikm });
    confirmRecordKey(key, known.commit);
    const producerKey = importPublicKey(publicKey);
    const plaintext = openSplit(parts, { key, producerKey, signs: credential.signs });
    const { seq, epoch } = header;
    this.arrivals.push({ topic, kid, seq, epoch, plaintext: plaintext.toString("utf8") });
    return "ack";
  }
}

function topicOf({ tenant, proxy, topicsByTag }: EpochKeys, token: Buffer): string | undefined {
  const tag = tagOf(SUITE[tenant.parameters.suite], tenant.realm, proxy.transform(token));
  return topicsByTag.get(tag.toString("hex"));
}

function identify(kind: UpstreamKind, payload: Buffer): Pick<Publish, "kid" | "seq" | "epoch"> {
  if (kind === "reg") return {};
  if (kind === "key") {
    const announcement = decodeAnnouncement(payload);
    return { kid: kidOf(announcement).toString("hex"), epoch: announcement.epoch };
  }
  const { kid, seq, epoch } = splitRecord(payload).header;
  return { kid: kid.toString("hex"), seq, epoch };
}
