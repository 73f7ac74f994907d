import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VeilError } from "../../../../core/errors.ts";
import { Brokers } from "../../../../core/ports/kafka/brokers.ts";
import { createKafka } from "../../../../core/ports/kafka/client.ts";
import { fetchProtocol } from "../../../../core/ports/kafka/fetch-protocol.ts";
import { sharedCluster } from "../../../support/cluster.ts";
import { makeTopic, sharedKafka, silentLog } from "../../../support/kafka.ts";
import { until } from "../../../support/until.ts";

/** Enough for a broker that is not silent, also on a busy machine. */
const TIMEOUT_MS = 2_000;

/** Accepts and never answers: what a frozen broker looks like. */
let silent: Server;
const accepted: Socket[] = [];
let silentAddress: string;
beforeAll(async () => {
  silent = createServer((socket) => {
    accepted.push(socket.on("error", () => undefined));
  }).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port }: AddressInfo = Object(silent.address());
  silentAddress = `127.0.0.1:${port}`;
});
afterAll(() => {
  for (const socket of accepted) socket.destroy();
  silent.close();
});

function brokersAt(seeds: readonly string[], requestTimeoutMs = TIMEOUT_MS): Brokers {
  const timeouts = { connectionTimeoutMs: requestTimeoutMs, requestTimeoutMs };
  return new Brokers({
    kafka: createKafka({ brokers: async () => seeds, log: silentLog, ...timeouts }),
  });
}

describe("Brokers", () => {
  test("passes over seeds that are silent or gone", async () => {
    const brokers = brokersAt([silentAddress, "127.0.0.1:1", ...sharedCluster().brokers]);
    const startedAt = performance.now();
    expect((await brokers.metadata([])).brokers).toHaveLength(3);
    expect(performance.now() - startedAt).toBeGreaterThan(TIMEOUT_MS * 0.9);
    brokers.stop();
  });

  test("asks for the seeds anew each time, and says why none will do", async () => {
    const lists = [[], [silentAddress], ["127.0.0.1:1"], ["nonsense"]];
    const kafka = createKafka({
      brokers: async () => lists.shift() ?? [],
      log: silentLog,
      connectionTimeoutMs: TIMEOUT_MS,
      requestTimeoutMs: TIMEOUT_MS,
    });
    const brokers = new Brokers({ kafka });
    for (const code of ["UNAVAILABLE", "TIMEOUT", "DISCONNECTED", "CONFIG"])
      await expect(brokers.metadata([])).rejects.toMatchObject({ code });
    brokers.stop();
  });

  test("finds back by what it was told, where its seeds are gone and every broker was given up", async () => {
    const { brokers: addresses } = sharedCluster();
    const lists = [addresses.slice(0, 1)];
    const brokers = new Brokers({
      kafka: createKafka({
        brokers: async () => lists.shift() ?? ["127.0.0.1:1"],
        log: silentLog,
        connectionTimeoutMs: TIMEOUT_MS,
        requestTimeoutMs: TIMEOUT_MS,
      }),
    });
    const { brokers: nodes } = await brokers.metadata([]);
    for (const { nodeId } of nodes)
      await brokers
        .call(nodeId, "asking", () => Promise.reject(new VeilError("DISCONNECTED", "broken off")))
        .catch(() => undefined);
    expect((await brokers.metadata([])).brokers).toHaveLength(addresses.length);
    brokers.stop();
  });

  test("stops at once, whatever is under way", async () => {
    const kafka = sharedKafka();
    const topic = await makeTopic(kafka);
    const connecting = brokersAt([silentAddress], 20_000);
    const fetching = new Brokers({ kafka });
    const { controllerId } = await fetching.metadata([]);
    const protocol = fetchProtocol({
      from: [{ topic, partition: 0, offset: 0n }],
      maxWaitMs: 20_000,
      maxBytes: 1,
      maxPartitionBytes: 1,
      timeoutMs: 20_000,
    });
    const leader = (await fetching.findLeaders([topic]))(topic, 0);
    const nodeId = "nodeId" in leader ? leader.nodeId : controllerId;
    const answers = [
      connecting.metadata([]),
      fetching.call(
        nodeId,
        "fetching",
        (broker) => broker.connectionPool.send(protocol),
        "fetches",
      ),
    ].map((answer) => answer.catch((error: unknown) => error));
    await sleep(300);
    const startedAt = performance.now();
    connecting.stop();
    fetching.stop();
    for (const answer of answers)
      expect(["DISCONNECTED", "STOPPED"]).toContain(Object(await answer).code);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await expect(fetching.metadata([])).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("what is stopped or given up while it connects stays hung up", async () => {
    const openSockets = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === "TCPSocketWrap").length;
    const before = openSockets();
    // From before the first connection to after the second one.
    for (let delayMs = 0; delayMs < 16; delayMs += 0.5) {
      const brokers = new Brokers({ kafka: sharedKafka() });
      const { controllerId } = await brokers.metadata([]);
      const calls = ["requests", "fetches", "requests"] as const;
      const answers = calls.map((lane) =>
        brokers.call(controllerId, "asking", async () => undefined, lane).catch(() => undefined),
      );
      await sleep(delayMs);
      brokers.stop();
      await Promise.all(answers);
    }
    await until(() => openSockets() <= before);
  });

  test("connects once, however many ask at the same time", async () => {
    const brokers = new Brokers({ kafka: sharedKafka() });
    const { controllerId } = await brokers.metadata([]);
    const sockets = new Set<unknown>();
    await Promise.all(
      Array.from({ length: 20 }, () =>
        brokers.call(controllerId, "asking", async (broker) => {
          sockets.add(broker.connectionPool.pool[0]?.socket);
        }),
      ),
    );
    expect(sockets.size).toBe(1);
    brokers.stop();
  });

  test("knows leaders of what exists, and says NOT_FOUND of the rest", async () => {
    const kafka = sharedKafka();
    const topic = await makeTopic(kafka, { partitions: 2, replication: 3 });
    const brokers = new Brokers({ kafka });
    for (const _again of [1, 2]) {
      const find = await brokers.findLeaders([topic, "veil-none"]);
      expect(find(topic, 0)).toHaveProperty("nodeId");
      expect(find(topic, 1)).toHaveProperty("nodeId");
      expect(find(topic, 2)).toMatchObject({ error: { code: "NOT_FOUND" } });
      expect(find("veil-none", 0)).toMatchObject({ error: { code: "NOT_FOUND" } });
    }
    brokers.stop();
  });
});
