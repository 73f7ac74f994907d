/** What a bridge says no to, over real HTTP. */
import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { BridgeClient } from "../../../agent/consumer/bridge-client.ts";
import { TopicNotFoundError } from "../../../agent/consumer/topic-not-found.ts";
import { fieldTenant } from "../../support/field-tenant.ts";

const KAFKA_TOPIC = `veil-${"a".repeat(52)}`;
const NO_KIDS: readonly Buffer[] = [];

async function clientOf(status: number, answer: object): Promise<BridgeClient> {
  const server = createServer((_, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { credential } = fieldTenant().enrol("desk", { topics: [], urls: [] });
  const http = [`http://127.0.0.1:${address.port}`];
  const client = new BridgeClient({ ...credential, bridge: { mqtt: [], http } });
  onTestFinished(async () => {
    await client.stop();
    server.close();
  });
  return client;
}

test("keys of a topic that is not granted, or no longer, are a topic not found", async () => {
  const client = await clientOf(404, { code: "NOT_FOUND", message: "Topic not found" });
  const refused = client.keys(KAFKA_TOPIC, NO_KIDS);
  await expect(refused).rejects.toBeInstanceOf(TopicNotFoundError);
  await expect(refused).rejects.toMatchObject({ code: "NOT_FOUND", message: "Topic not found" });
});

test("what else is not there stays apart", async () => {
  const client = await clientOf(404, { code: "NOT_FOUND", message: "no such tenant" });
  const refused = client.keys(KAFKA_TOPIC, NO_KIDS);
  await expect(refused).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "the bridge answered 404: no such tenant",
  });
  await expect(refused).rejects.not.toBeInstanceOf(TopicNotFoundError);
});
