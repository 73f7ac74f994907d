/**
 * What the bridge is compared with, in a process of its own that answers on an MQTT port:
 *
 *   plain   the same aedes, limits, metrics, writer and kafkajs, acks=all, with the scheme switched off: anybody may
 *           connect, `v1/rec/<n>` goes to Kafka topic number n, and nobody looks at what is in it
 *   aedes   aedes alone: a PUBACK for every publish, which goes nowhere
 *
 *   node baseline-process.js plain|aedes <broker,…> <Kafka topic> …      prints the port, serves until it is killed
 */
import "../../../core/ports/mqtt/lean-packets.ts";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { pino } from "pino";
import { limitsSchema } from "../../../bridge/config/limits.ts";
import type { Session } from "../../../bridge/ingress/session.ts";
import { keep } from "../../../bridge/keep.ts";
import { Limits } from "../../../bridge/limits/limits.ts";
import { BridgeMetrics } from "../../../bridge/metrics.ts";
import { Sightings } from "../../../bridge/sightings.ts";
import { Sender, WriterRecord } from "../../../bridge/writer/record.ts";
import { Writer } from "../../../bridge/writer/writer.ts";
import type { VeilError } from "../../../core/errors.ts";
import { createKafka } from "../../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../../core/ports/kafka/producer.ts";
import { startMqttServer } from "../../../core/ports/mqtt/server.ts";
import type { MqttPublish } from "../../../core/ports/mqtt/server-types.ts";
import { sha256 } from "../../../core/scheme/bytes.ts";
import { formatUpstream } from "../../../core/wire/mqtt.ts";
import { UNLIMITED } from "../rig/unlimited.ts";

const [kind, brokers = "", ...topics] = process.argv.slice(2);
const log = pino({ level: "silent" });
const HOST = "127.0.0.1";
const TENANT = "plain";
/** Of a client's records, as long as a producer's pseudonym. */
const KEY_BYTES = 8;

/** What a bridge has of a client, too. */
interface PlainClient extends Pick<Session, "quota" | "sighting" | "counts" | "readAtMs"> {
  readonly key: Buffer;
  readonly sender: Sender;
}

/** What a bridge has of a record, too. */
class PlainRecord extends WriterRecord {
  readonly topic: string;
  readonly partition = 0;
  readonly #client: PlainClient;
  readonly #publish: MqttPublish;

  constructor(topic: string, client: PlainClient, publish: MqttPublish) {
    super(client.key, publish.payload);
    this.topic = topic;
    this.#client = client;
    this.#publish = publish;
  }

  get sender(): Sender {
    return this.#client.sender;
  }

  onSettled(error?: VeilError): void {
    const { counts } = this.#client;
    if (!error) counts.record(this.value.length);
    this.#publish.answer(error ? { reason: error.message } : "ack", counts.pubacks.rec);
  }
}

const port = kind === "plain" ? await servePlain() : await serveAedes();
process.stdout.write(`${port}\n`);

async function servePlain(): Promise<number> {
  const kafka = createKafka({ brokers: async () => brokers.split(","), log });
  const producer = new KafkaProducer({ kafka });
  const writer = new Writer({
    send: async (batches, onResult) => {
      await producer.send(batches, onResult);
    },
    log,
  });
  const metrics = new BridgeMetrics();
  const limits = new Limits({
    config: { limits: limitsSchema.parse(UNLIMITED), tenants: [] },
    metrics,
    log,
  });
  const sightings = new Sightings();
  const kafkaTopics = new Map(
    topics.map((topic, n) => [formatUpstream({ kind: "rec", alias: n + 1 }), topic]),
  );
  const server = await startMqttServer<PlainClient>({
    host: HOST,
    port: 0,
    log,
    authenticate: () => ({ accepted: true }),
    onConnect: ({ clientId }) => {
      const login = { tenant: TENANT, client: clientId };
      return {
        quota: limits.quotas.of(login),
        sighting: sightings.of(login),
        counts: metrics.of(TENANT),
        readAtMs: 0,
        key: keep(sha256(clientId).subarray(0, KEY_BYTES)),
        sender: new Sender(),
      };
    },
    onRead: (client, bytes, packets) => {
      client.readAtMs = Date.now();
      client.quota.chargeRead(bytes, packets);
    },
    onPublish: (client, publish) => {
      const topic = kafkaTopics.get(publish.topic);
      if (topic === undefined) {
        publish.answer({ reason: "no such topic" });
        return;
      }
      client.sighting.active(client.readAtMs);
      writer.write(new PlainRecord(topic, client, publish));
    },
    onClose: (client) => writer.drop(client.sender),
  });
  return server.port;
}

async function serveAedes(): Promise<number> {
  const broker = await Aedes.createBroker();
  const server = createServer({ noDelay: true }, broker.handle);
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}
