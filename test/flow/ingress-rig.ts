/**
 * The ingress as it runs, in this process: real MQTT server, real mathematics in real workers, the real writer; in
 * memory are the documents (Fleet), the registry, and Kafka (FakeKafka).
 */

import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { Ingress } from "../../bridge/ingress/ingress.ts";
import type { Limits } from "../../bridge/limits/limits.ts";
import { Mailboxes } from "../../bridge/mail/mailboxes.ts";
import { Matching } from "../../bridge/matching/matching.ts";
import { BridgeMetrics } from "../../bridge/metrics.ts";
import type { Registry, RegistryEntry, RegistryKey } from "../../bridge/registry/types.ts";
import { Rekeys } from "../../bridge/rekey/rekeys.ts";
import { Sightings } from "../../bridge/sightings.ts";
import { Topics } from "../../bridge/writer/topics.ts";
import type { Writer } from "../../bridge/writer/writer.ts";
import { VeilError } from "../../core/errors.ts";
import { connectMqtt, type MqttConnection } from "../../core/ports/mqtt/client.ts";
import type { MqttLimits } from "../../core/ports/mqtt/server-types.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { AEAD } from "../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../core/scheme/record/key.ts";
import { sealRecord } from "../../core/scheme/record/seal.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { encodeAnnouncement } from "../../core/wire/announcement.ts";
import { mailPath } from "../../core/wire/directory.ts";
import { signDocument } from "../../core/wire/document.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import {
  ACK_TOPIC,
  type Ack,
  decodeAck,
  decodeMailPush,
  encodeRegistration,
  formatUpstream,
  type NumberedMail,
} from "../../core/wire/mqtt.ts";
import { registryKey } from "../../core/wire/store.ts";
import { FakeKafka, writerOn } from "../bridge/writer/fake-kafka.ts";
import { EPOCH, Fleet, type Member } from "../support/fleet.ts";
import { testLimits } from "../support/limits.ts";
import { MemoryLosses } from "../support/memory-losses.ts";
import { MemoryZooKeeper } from "../support/memory-zookeeper.ts";
import { until } from "../support/until.ts";

/** A registry in memory; `isAway` is Kafka being away. */
export class MemoryRegistry implements Pick<Registry, "register" | "has"> {
  readonly entries = new Map<string, RegistryEntry>();
  isAway = false;
  questions = 0;
  /** How often somebody wanted to register. */
  attempts = 0;

  async register(key: RegistryKey, entry: RegistryEntry): Promise<{ isNew: boolean }> {
    this.attempts += 1;
    if (this.isAway) throw new VeilError("UNAVAILABLE", "away");
    const id = registryKey(key).toString("hex");
    const isNew = !this.entries.has(id);
    this.entries.set(id, entry);
    return { isNew };
  }

  async has(key: RegistryKey): Promise<boolean> {
    this.questions += 1;
    if (this.isAway) throw new VeilError("UNAVAILABLE", "away");
    return this.entries.has(registryKey(key).toString("hex"));
  }
}

const KMS = generateSigningKey();

export interface SharedGround {
  readonly fleet?: Fleet;
  readonly zookeeper?: MemoryZooKeeper;
  readonly registry?: MemoryRegistry;
  readonly losses?: MemoryLosses;
  /** Of this bridge's MQTT, where they differ from the defaults. */
  readonly mqtt?: Partial<MqttLimits>;
}

export class IngressRig {
  readonly fleet: Fleet;
  readonly zookeeper: MemoryZooKeeper;
  /** What mail is signed with. */
  readonly kms = KMS;
  readonly registry: MemoryRegistry;
  /** Of consumers, in Kafka. */
  readonly losses: MemoryLosses;
  readonly kafka = new FakeKafka();
  readonly metrics = new BridgeMetrics();
  readonly topicsMade: string[] = [];
  readonly log: string[] = [];
  /** What making a topic meets. */
  topicTrouble: VeilError | undefined;
  nowMs = Date.now();
  readonly writer: Writer;
  readonly ingress: Ingress;
  readonly limits: Limits;
  readonly #matching: Matching;
  readonly #rekeys: Rekeys;

  /** Bridges that share their clients, and their mail. */
  constructor(ground: SharedGround = {}) {
    const { fleet = new Fleet(), zookeeper = new MemoryZooKeeper(), mqtt = {} } = ground;
    this.fleet = fleet;
    this.zookeeper = zookeeper;
    this.registry = ground.registry ?? new MemoryRegistry();
    this.losses = ground.losses ?? new MemoryLosses();
    this.#rekeys = new Rekeys({
      directory: fleet,
      openLog: (_tenant, hear) => this.losses.open(hear),
    });
    const log = pino({ level: "info" }, { write: (line: string) => this.log.push(line) });
    this.#matching = new Matching({
      maxWorkers: 2,
      onMatch: (how, tenant) => this.metrics.matched(how, tenant),
      clockMs: () => this.nowMs,
    });
    this.writer = writerOn(this.kafka, { onPressure: (high) => this.ingress.setPressure(high) });
    const topics = new Topics({
      log,
      replication: { wanted: async () => 3, judge: () => undefined },
      onPartitionsChanged: () => this.metrics.partitionsChanged(),
      admin: {
        ensureTopic: async ({ topic }) => {
          if (this.topicTrouble) throw this.topicTrouble;
          this.topicsMade.push(topic);
          return "created";
        },
        describeTopic: async () => ({ partitions: [] }),
      },
    });
    this.limits = testLimits({}, { metrics: this.metrics, log });
    this.ingress = new Ingress({
      listener: { host: "127.0.0.1", port: 0, limits: mqtt },
      directory: this.fleet,
      matching: this.#matching,
      topics,
      registry: this.registry,
      rekeys: this.#rekeys,
      mailboxes: new Mailboxes({
        zookeeper: zookeeper.part,
        kmsPublicKey: () => importPublicKey(KMS.publicKey),
        log,
      }),
      writer: this.writer,
      metrics: this.metrics,
      limits: this.limits,
      sightings: new Sightings(),
      log,
      nowMs: () => this.nowMs,
    });
  }

  static async start(ground: SharedGround = {}): Promise<IngressRig> {
    const rig = new IngressRig(ground);
    await rig.#rekeys.start();
    // As when the directory is loaded.
    rig.fleet.changeTenant({});
    await rig.ingress.start();
    onTestFinished(() => rig.stop());
    return rig;
  }

  async stop(): Promise<void> {
    await Promise.all([this.writer.stop(0), this.#matching.stop()]);
    await this.ingress.stop();
    await this.#rekeys.stop();
  }

  async connect(member: Member, onMail?: Device["onMail"]): Promise<Device> {
    return Device.connect(this.ingress.port, member, onMail);
  }

  /** Puts a mail where an import would: signed for its place, unless it is told otherwise. */
  post({ tenant, client }: Login, number: number, signedFor = client): Buffer {
    const kmsKey = importSigningKey(this.kms.seed);
    const body = Buffer.from(`an age file to ${client}, number ${number}`);
    const document = signDocument("mail", mailPath(tenant, signedFor, number), body, kmsKey);
    this.zookeeper.put(mailPath(tenant, client, number), document);
    return document;
  }

  /** The refusals in the log, as `what code`. */
  get refusals(): string[] {
    return this.log
      .map((line): { event?: string; what?: string; code?: string } => JSON.parse(line))
      .flatMap(({ event, what, code }) => (event === "refused" ? [`${what} ${code}`] : []));
  }

  async metric(name: string): Promise<number> {
    const metrics = await this.metrics.registry.getMetricsAsJSON();
    const found = metrics.find((metric) => metric.name === name);
    return (found?.values ?? []).reduce((sum, { value }) => sum + Number(value), 0);
  }
}

/** A device that keeps to the protocol, or not, as its test says. */
export class Device {
  readonly member: Member;
  readonly acks: Ack[] = [];
  readonly mail: NumberedMail[] = [];
  /** What it does with mail: whether it is stored, and so acknowledged. */
  onMail: (mail: NumberedMail) => boolean | Promise<boolean> = () => true;
  readonly keys = new Map<number, RecordKey>();
  #connection: MqttConnection | undefined;

  private constructor(member: Member) {
    this.member = member;
  }

  static async connect(
    port: number,
    member: Member,
    onMail: Device["onMail"] = () => true,
  ): Promise<Device> {
    const device = new Device(member);
    device.onMail = onMail;
    const { login, secret } = member;
    device.#connection = await connectMqtt({
      url: `mqtt://127.0.0.1:${port}`,
      login: formatLogin(login),
      secret,
      signal: NEVER,
      keepaliveS: 30,
      onMessage: (topic, payload) => device.#hear(topic, payload),
    });
    onTestFinished(() => device.connection.close());
    return device;
  }

  #hear(topic: string, payload: Buffer): boolean | Promise<boolean> {
    if (topic === ACK_TOPIC) return this.acks.push(decodeAck(payload)) > 0;
    const mail = decodeMailPush(payload);
    this.mail.push(mail);
    return this.onMail(mail);
  }

  get connection(): MqttConnection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  /** What the bridge said of an alias, as `status` or `status code`. */
  said(alias: number): string[] {
    return this.acks
      .filter((ack) => ack.alias === alias)
      .map((ack) => ("code" in ack ? `${ack.status} ${ack.code}` : ack.status));
  }

  async publish(kind: "reg" | "key" | "rec", alias: number, payload: Buffer): Promise<void> {
    await this.connection.publish(formatUpstream({ kind, alias }), payload);
  }

  registration(topic: string, epoch = EPOCH): Buffer {
    return encodeRegistration({ epoch, token: this.member.role.token(topic) });
  }

  /** Registers and waits for the answer, which it returns. */
  async register(alias: number, topic: string, epoch = EPOCH): Promise<string | undefined> {
    const before = this.said(alias).length;
    await this.publish("reg", alias, this.registration(topic, epoch));
    await until(() => this.said(alias).length > before);
    return this.said(alias)[before];
  }

  /** Makes a data key for the topic and returns its announcement. */
  announcement(alias: number, topic: string, change: { producerId?: string; epoch?: number } = {}) {
    const { login, role, signingKey } = this.member;
    const { ikm, wrapped } = role.wrap(randomBytes);
    const producerId = login.client;
    const suite = SUITE.rsa;
    const aead = AEAD.aes256Gcm;
    const key = deriveRecordKey({ suite, aead, realm: role.realm, topic, producerId, ikm });
    this.keys.set(alias, key);
    const { commit } = key;
    return encodeAnnouncement(
      { suite, epoch: EPOCH, producerId, createdAtMs: 0, wrapped, commit, ...change },
      signingKey,
    );
  }

  async announce(alias: number, topic: string): Promise<void> {
    await this.publish("key", alias, this.announcement(alias, topic));
  }

  record(alias: number, seq: number, text = `reading ${seq}`): Buffer {
    const key = this.keys.get(alias);
    if (!key) throw new Error("no key was announced");
    const plaintext = Buffer.from(text);
    return sealRecord({ key, seq: BigInt(seq), timeMs: 0, plaintext, padded: true });
  }

  async send(alias: number, seq: number): Promise<void> {
    await this.publish("rec", alias, this.record(alias, seq));
  }

  /** Registers, announces: from here on records may be sent. */
  async open(alias: number, topic: string): Promise<void> {
    const answer = await this.register(alias, topic);
    if (answer !== "ok") throw new Error(`the alias was ${answer}`);
    await this.announce(alias, topic);
  }
}
