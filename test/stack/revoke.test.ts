/** `kms revoke` on a running device and a running consumer: real processes, Kafka and ZooKeeper. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { HttpClient } from "../../core/ports/http/client.ts";
import { importResponseSchema } from "../../core/wire/http.ts";
import { DemoStack } from "../../demo/stack.ts";
import { sharedCluster } from "../support/cluster.ts";
import { testFolder } from "../support/folder.ts";

const lineSchema = z.looseObject({ producer: z.string() });

/** A device is cut off within a second of its bridge having the document. */
const CUT_OFF_MS = 1000;

test("a revoked device is cut off within a second, its neighbour goes on, and what it sent stays", async () => {
  const dir = join(await testFolder(), "stack");
  const signal = new AbortController().signal;
  const options = {
    brokers: 1,
    sensors: 2,
    rate: 50,
    once: null,
    json: false,
    keep: null,
    zookeeper: sharedCluster().zookeeper,
  } as const;
  const stack = new DemoStack({ options, dir, signal, say: () => undefined });
  const playing = new AbortController();
  try {
    const running = await stack.start();
    const [revoked, neighbour] = running.agents;
    if (!revoked || !neighbour) throw new Error("two agents were asked for");
    const producers: string[] = [];
    createInterface({ input: running.consumer.stdout }).on("line", (line) => {
      producers.push(lineSchema.parse(JSON.parse(line)).producer);
    });
    const played = Promise.all(running.agents.map(({ sensor }) => sensor.play(playing.signal)));
    const arrived = (name: string) => producers.filter((producer) => producer === name).length;
    await vi.waitFor(() => expect(arrived("sensor-1")).toBeGreaterThan(100), { timeout: 30_000 });

    const file = await readFile(await running.tenant.revoke("sensor-1"), "utf8");
    const documents: unknown = JSON.parse(file);
    const http = new HttpClient({ baseUrl: running.bridgeUrl });
    const askedAtMs = performance.now();
    const imported = http.post("/v1/import", documents, importResponseSchema);
    await vi.waitFor(
      async () => expect((await revoked.status()).uplink.state).not.toBe("connected"),
      {
        timeout: CUT_OFF_MS,
        interval: 5,
      },
    );
    const cutOffMs = performance.now() - askedAtMs;
    await imported;
    await http.stop();
    console.info(`cut off ${cutOffMs.toFixed(0)} ms after the document was sent`);
    expect(cutOffMs).toBeLessThan(CUT_OFF_MS);

    // It knows, takes no more, and keeps its outbox; not one record of it follows.
    await vi.waitFor(async () => expect((await revoked.status()).uplink.state).toBe("revoked"), {
      timeout: 10_000,
    });
    const { acknowledged } = await revoked.status();
    const before = arrived("sensor-2");
    await vi.waitFor(() => expect(arrived("sensor-2")).toBeGreaterThan(before + 100), {
      timeout: 20_000,
    });
    expect(await revoked.status()).toMatchObject({ acknowledged, uplink: { state: "revoked" } });
    await vi.waitFor(() => expect(arrived("sensor-1")).toBe(acknowledged), { timeout: 10_000 });
    playing.abort();
    await played;
  } finally {
    playing.abort();
    await stack.stop();
  }
}, 180_000);
