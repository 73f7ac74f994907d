/** A consumer that starts while Kafka is still coming up. */
import { createServer } from "node:http";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { Consumer } from "../../agent/consumer/consumer.ts";
import { FORMATS } from "../../agent/consumer/formats.ts";
import { FormattedSink } from "../../agent/consumer/reading-sink.ts";
import { StreamSink } from "../../agent/consumer/sinks.ts";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { sharedCluster } from "../support/cluster.ts";
import { testFolder } from "../support/folder.ts";
import { sharedKafka } from "../support/kafka.ts";
import { makeTenant } from "../support/tenant.ts";

/** A bridge that knows of one Kafka topic; its URL. */
async function bridgeThatKnows(kafkaTopic: string): Promise<string> {
  const [brokerAddress = ""] = sharedCluster().brokers;
  const answer = JSON.stringify({
    topic_name: kafkaTopic,
    brokerAddress,
    partitions: [{ partition: 0, leader: brokerAddress }],
    epoch: 1,
  });
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "application/json").end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

test("waits for a topic that the bridge knows and the brokers do not yet", async () => {
  const tenant = makeTenant();
  const kafkaTopic = kafkaTopicOf(Buffer.from(tenant.tag("t"), "hex"));
  const { credential } = tenant.enrol("analyst", { topics: ["t"], urls: [] });
  const http = [await bridgeThatKnows(kafkaTopic)];
  const lines: string[] = [];
  const consumer = new Consumer({
    credential: { ...credential, bridge: { mqtt: [], http } },
    topics: ["t"],
    stateDir: join(await testFolder(), "state"),
    output: new FormattedSink(new StreamSink(new PassThrough()), FORMATS.ndjson),
    rejects: null,
    wait: false,
    log: pino({ level: "info" }, { write: (line: string) => lines.push(line) }),
  });
  const end = new AbortController();
  const running = consumer.run(end.signal);
  const said = () => lines.map((line) => String(JSON.parse(line).msg));
  await expect
    .poll(said, { timeout: 60_000 })
    .toContain("cannot begin reading a topic; trying again");
  const admin = new KafkaAdmin({ kafka: sharedKafka() });
  onTestFinished(async () => {
    await admin.deleteTopic(kafkaTopic);
    await admin.stop();
  });
  await admin.ensureTopic({ topic: kafkaTopic, partitions: 1, replication: 3, config: {} });
  await expect.poll(said, { timeout: 60_000 }).toContain("reading a topic");
  end.abort();
  await running;
});
