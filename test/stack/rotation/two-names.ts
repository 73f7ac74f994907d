/**
 * One topic in two epochs on the real Kafka, its producers and a consumer's keys, and a bridge over HTTP that answers
 * what a test lets it: to bring old and new records before a consumer in whatever order.
 */
import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { onTestFinished } from "vitest";
import { KafkaAdmin } from "../../../core/ports/kafka/admin.ts";
import { KafkaProducer } from "../../../core/ports/kafka/producer.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import { ownerTag, publicParameters, splitHalves } from "../../../core/scheme/owner.ts";
import { generateP256Master } from "../../../core/scheme/p256/owner.ts";
import { releaseRole } from "../../../core/scheme/proxy.ts";
import { AEAD } from "../../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import { certPath } from "../../../core/wire/directory.ts";
import { signDocument } from "../../../core/wire/document.ts";
import { keysRequestSchema, matchRequestSchema } from "../../../core/wire/http.ts";
import { generateSigningKey, importSigningKey } from "../../../core/wire/keys.ts";
import { sharedCluster } from "../../support/cluster.ts";
import { sharedKafka } from "../../support/kafka.ts";

const TENANT = "acme";
export const TOPIC = "north/climate";
const EPOCHS = [1, 2];
/** So that a partition is not read in one answer of a broker. */
const BALLAST = "x".repeat(300);
const BATCH = 500;

interface Epoch {
  readonly epoch: number;
  readonly master: ReturnType<typeof generateP256Master>;
  readonly consumer: ReturnType<typeof splitHalves>;
  readonly kafkaTopic: string;
}

interface Released {
  readonly kid: string;
  readonly ann: string;
  readonly V: string;
  readonly cert: string;
}

export class TwoNames {
  /** Epochs whose names the bridge matches. */
  readonly matched = new Set<number>();
  readonly #epochs: readonly Epoch[];
  readonly #kms = generateSigningKey();
  readonly #released = new Map<string, Released>();
  readonly #keys = new Map<string, { seal(count: number): Buffer }>();
  /** By producer: the records of its last write. */
  readonly #sealed = new Map<string, Buffer[]>();
  readonly #writer = new KafkaProducer({ kafka: sharedKafka() });
  readonly #admin = new KafkaAdmin({ kafka: sharedKafka() });
  #url = "";

  constructor() {
    this.#epochs = EPOCHS.map((epoch) => {
      const master = generateP256Master(randomBytes);
      const realm = { tenant: TENANT, epoch };
      const kafkaTopic = kafkaTopicOf(ownerTag({ master, realm, topic: TOPIC }));
      const consumer = splitHalves({ master, random: randomBytes, consumer: true });
      return { epoch, master, consumer, kafkaTopic };
    });
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const answer = this.#answer(request.url ?? "", Buffer.concat(chunks).toString());
        response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
        response.end(JSON.stringify(answer ?? { code: "NOT_FOUND", message: "Topic not found" }));
      });
    });
    this.#url = await listen(server);
    onTestFinished(async () => {
      for (const { kafkaTopic } of this.#epochs)
        await this.#admin.deleteTopic(kafkaTopic).catch(() => undefined);
      await Promise.all([this.#admin.stop(), this.#writer.stop()]);
    });
  }

  /** Of the consumer. */
  credential(): Credential {
    const bytes = Buffer.alloc(32, 7);
    return {
      ...{ veilmq: "credential", version: 1, tenant: TENANT, client: "desk", serial: 1 },
      ...{ secret: bytes, signingKey: bytes, groupKey: randomBytes(32), signs: false },
      epochs: this.#epochs.map(({ epoch, master }) => {
        return { epoch, parameters: publicParameters(master) };
      }),
      halves: this.#epochs.map(({ epoch, consumer }) => ({ epoch, halves: consumer.client })),
      ageIdentity: "AGE-SECRET-KEY-1",
      kmsPublicKey: this.#kms.publicKey,
      bridge: { mqtt: [], http: [this.#url] },
      topics: [{ name: TOPIC, ops: ["sub"] }],
    };
  }

  /** Makes an epoch's Kafka topic, and has the bridge match it. */
  async open(epoch: number): Promise<void> {
    const topic = this.#of(epoch).kafkaTopic;
    await this.#admin.ensureTopic({ topic, partitions: 1, replication: 3, config: {} });
    this.matched.add(epoch);
  }

  /** Writes as bridges do for a device; `counts` go into the readings. Resolves at acks=all. */
  async write(producer: string, epoch: number, counts: readonly number[]): Promise<void> {
    const key = this.#key(producer, epoch);
    const sealed = counts.map((count) => key.seal(count));
    this.#sealed.set(producer, sealed);
    await this.#send(producer, epoch, sealed);
  }

  /**
   * Writes under the newest name what is sealed for the first epoch: the last `again` records of the last write, whose
   * PUBACKs the device never got, and then `counts`.
   */
  async carry(producer: string, again: number, counts: readonly number[]): Promise<void> {
    const key = this.#key(producer, 1);
    const repeated = (this.#sealed.get(producer) ?? []).slice(-again);
    await this.#send(producer, 2, [...repeated, ...counts.map((count) => key.seal(count))]);
  }

  async #send(producer: string, epoch: number, sealed: readonly Buffer[]): Promise<void> {
    const { kafkaTopic: topic } = this.#of(epoch);
    const key = Buffer.from(`${producer}@${epoch}`);
    for (let from = 0; from < sealed.length; from += BATCH) {
      const messages = sealed.slice(from, from + BATCH).map((value) => ({ key, value }));
      const [result] = await this.#writer.send([{ topic, partition: 0, messages }]);
      if (result?.status !== "confirmed") throw result?.error ?? new Error("no result");
    }
  }

  #key(producer: string, epoch: number): { seal(count: number): Buffer } {
    const id = `${producer}@${epoch}`;
    const known = this.#keys.get(id);
    if (known) return known;
    const made = this.#makeKey(producer, epoch);
    let seq = 0n;
    const key = {
      seal: (count: number): Buffer =>
        sealRecord({
          key: made,
          seq: seq++,
          timeMs: 0,
          plaintext: Buffer.from(
            JSON.stringify([
              { n: "count", v: count },
              { n: "b", vs: BALLAST },
            ]),
          ),
          padded: false,
          signingKey: undefined,
        }),
    };
    this.#keys.set(id, key);
    return key;
  }

  /** A kid, announced: the bridge releases it from now on. */
  #makeKey(producerId: string, epoch: number): RecordKey {
    const { master, consumer } = this.#of(epoch);
    const realm = { tenant: TENANT, epoch };
    const parameters = publicParameters(master);
    const halves = splitHalves({ master, random: randomBytes, consumer: false }).client;
    const { ikm, wrapped } = clientRole({ realm, parameters, halves }).wrap(randomBytes);
    const suite = SUITE.p256;
    const key = deriveRecordKey({
      ...{ suite, aead: AEAD.aes256Gcm, realm, topic: TOPIC, producerId, ikm },
    });
    const pair = generateSigningKey();
    const { commit } = key;
    const announcement = { suite, epoch, producerId, createdAtMs: 0, wrapped, commit };
    const body = {
      ...{ tenant: TENANT, client: producerId, serial: 1, signs: false },
      signingKey: pair.publicKey.toString("base64url"),
    };
    const path = certPath(TENANT, producerId);
    const release = releaseRole({ realm, parameters, halves: consumer.proxy });
    const kid = key.kid.toString("base64url");
    this.#released.set(kid, {
      kid,
      ann: encodeAnnouncement(announcement, importSigningKey(pair.seed)).toString("base64url"),
      V: release.release(wrapped).toString("base64url"),
      cert: signDocument("cert", path, body, importSigningKey(this.#kms.seed)).toString(
        "base64url",
      ),
    });
    return key;
  }

  #answer(path: string, body: string): object | null {
    const [brokerAddress = ""] = sharedCluster().brokers;
    if (path === "/v1/keys") {
      const kids = keysRequestSchema.parse(JSON.parse(body)).kids;
      const keys = kids.flatMap((kid) => this.#released.get(kid.toString("base64url")) ?? []);
      return { keys, missing: [] };
    }
    if (path !== "/v1/match") return null;
    const { epoch } = matchRequestSchema.parse(JSON.parse(body));
    if (!this.matched.has(epoch)) return null;
    const partitions = [{ partition: 0, leader: brokerAddress }];
    return { topic_name: this.#of(epoch).kafkaTopic, brokerAddress, partitions, epoch };
  }

  #of(epoch: number): Epoch {
    const found = this.#epochs.find((each) => each.epoch === epoch);
    if (!found) throw new Error("no such epoch");
    return found;
  }
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
