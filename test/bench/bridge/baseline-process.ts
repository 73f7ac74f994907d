/**
 * What the bridge is compared with, in a process of its own that answers on an MQTT port:
 *
 *   plain   the same aedes, the same writer and the same kafkajs, acks=all, with the scheme switched off: anybody may
 *           connect, `v1/rec/<n>` goes to Kafka topic number n
 *   aedes   aedes alone: a PUBACK for every publish, which goes nowhere
 *
 *   node baseline-process.js plain|aedes <broker,…> <Kafka topic> …      prints the port, serves until it is killed
 */
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { pino } from "pino";
import { Writer } from "../../../bridge/writer/writer.ts";
import { createKafka } from "../../../core/ports/kafka/client.ts";
import { KafkaProducer } from "../../../core/ports/kafka/producer.ts";
import { startMqttServer } from "../../../core/ports/mqtt/server.ts";
import { parseUpstream } from "../../../core/wire/mqtt.ts";

const [kind, brokers = "", ...topics] = process.argv.slice(2);
const log = pino({ level: "silent" });
const HOST = "127.0.0.1";
/** As long as a producer's pseudonym. */
const KEY = Buffer.alloc(8, 7);

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
  const server = await startMqttServer({
    host: HOST,
    port: 0,
    log,
    authenticate: () => ({ accepted: true }),
    onConnect: () => undefined,
    onPublish: (session, { topic: name, payload: value }, answer) => {
      const topic = topics[(parseUpstream(name)?.alias ?? 0) - 1];
      if (topic === undefined) answer({ reason: "no such topic" });
      else
        writer.write({ topic, partition: 0, key: KEY, value, session }, (error) =>
          answer(error ? { reason: error.message } : "ack"),
        );
    },
    onClose: (session) => writer.dropSession(session),
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
