/** The replay as its users have it: `npm run demo -- paper` in a process of its own, on real clusters. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { Operator } from "../../demo/paper/operator.ts";
import { sharedCluster } from "../support/cluster.ts";
import { testFolder } from "../support/folder.ts";
import { sharedKafka } from "../support/kafka.ts";

const RUN_TIMEOUT_MS = 180_000;

const vectorsSchema = z.object({
  cases: z.array(z.object({ topic: z.string(), enc_EI1: z.string(), trapdoor_EJ1: z.string() })),
});
const { cases } = vectorsSchema.parse(
  JSON.parse(await readFile(packageFile("test", "vectors", "paper.json"), "utf8")),
);
const names = Object.fromEntries(cases.map(({ topic, enc_EI1 }) => [topic, enc_EI1]));
const trapdoors = Object.fromEntries(cases.map((one) => [one.topic, one.trapdoor_EJ1]));

const resultSchema = z.strictObject({
  figures: z.array(z.strictObject({ figure: z.string(), held: z.boolean(), run: z.string() })),
  topics: z.record(z.string(), z.string()),
  trapdoor: z.string(),
  answer: z.string(),
  latest: z.string(),
});

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

async function paper(...args: string[]): Promise<Ended> {
  const command = [packageFile("dist", "demo", "main.js"), "paper", ...args];
  return new Promise((resolve) => {
    execFile(process.execPath, command, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

function resultOf({ stdout }: Ended): z.output<typeof resultSchema> {
  return resultSchema.parse(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""));
}

/** The offsets that `what` printed below the heading of `figure`. */
function offsets(stderr: string, figure: string, what: "Sent" | "Received"): number[] {
  const [, after = ""] = stderr.split(`── Figure ${figure}: `);
  const [section = ""] = after.split("\n── ");
  const line = new RegExp(
    String.raw`${what} record: \(key=(\d+) value=Hello at \1\) meta\(partition=0, offset=(\d+)\)`,
    "g",
  );
  return [...section.matchAll(line)].map(([, , offset]) => Number(offset));
}

function upTo(end: number, start: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

describe("the replay of chapter 4", () => {
  test(
    "shows the report's figures on three brokers of its own",
    async () => {
      const dir = await testFolder();
      const ended = await paper("--interval", "50", "--json", "--keep", dir);
      expect(ended.stderr).toContain("8 of 8 hold in this run");
      expect(ended.code).toBe(0);

      const { figures, topics, trapdoor, answer, latest } = resultOf(ended);
      expect(figures.filter(({ held }) => !held)).toEqual([]);
      expect(topics).toEqual(names);
      expect(trapdoor).toBe(trapdoors["topic-1"]);
      expect(answer).toMatch(
        new RegExp(
          String.raw`^\{"topic_name":"${names["topic-2"]}","brokerAddress":"127\.0\.0\.1:\d+"\}$`,
        ),
      );
      expect(latest).toBe(`${names["topic-2"]}:0:50`);

      expect(offsets(ended.stderr, "4.2, 4.4", "Sent")).toEqual([0]);
      expect(offsets(ended.stderr, "4.5", "Sent")).toEqual(upTo(10, 1));
      expect(offsets(ended.stderr, "4.5", "Received")).toEqual(upTo(10, 1));
      expect(offsets(ended.stderr, "4.3", "Received")).toEqual(upTo(20, 10));
      expect(offsets(ended.stderr, "4.6", "Received")).toEqual(upTo(50, 40));
      expect(ended.stderr).toContain("Reading as groupConsumer from offset=43 (committed)");
      // 4.5, 4.3, and 4.6 before and after the stop.
      expect(ended.stderr.match(/Joined groupConsumer, partition 0$/gm)).toHaveLength(4);
      expect(ended.stderr).toMatch(/^consumer +Topic not found$/m);

      const kept = await Promise.all([1, 2, 3].map((id) => readdir(join(dir, `kafka-${id}/data`))));
      const partitions = kept.flat().filter((name) => /^[0-9a-f]{128}-\d+$/.test(name));
      expect(partitions.sort()).toEqual(cases.map(({ enc_EI1 }) => `${enc_EI1}-0`).sort());
    },
    RUN_TIMEOUT_MS,
  );

  describe("on an existing cluster", () => {
    const { zookeeper } = sharedCluster();
    const admin = new KafkaAdmin({ kafka: sharedKafka() });
    const operator = new Operator(zookeeper);
    beforeAll(() => operator.start());
    afterEach(() => operator.deleteTopics(Object.values(names)));
    afterAll(async () => {
      await operator.stop();
      await admin.stop();
    });

    test(
      "leaves it as it was",
      async () => {
        const shortest = ["--records", "3", "--interval", "0"];
        const ended = await paper("--zookeeper", zookeeper, ...shortest, "--json");
        expect(ended.stderr).toContain("8 of 8 hold in this run");
        expect(ended.code).toBe(0);
        expect(resultOf(ended).latest).toBe(`${names["topic-2"]}:0:15`);
        const present = await operator.listTopics();
        expect(present.filter((name) => /^[0-9a-f]{128}$/.test(name))).toEqual([]);
      },
      RUN_TIMEOUT_MS,
    );

    test("does not touch topics that are there already", async () => {
      const topic = names["topic-3"] ?? "";
      await admin.ensureTopic({ topic, partitions: 1, replication: 1, config: {} });
      const ended = await paper("--zookeeper", zookeeper);
      expect(ended.stderr).toContain("the report's topics exist in this cluster already");
      expect(ended.code).toBe(1);
      expect((await admin.describeTopic(topic)).partitions).toHaveLength(1);
    });
  });

  test("refuses what it does not know, and teaches", async () => {
    const unknown = await paper("--sensors", "3");
    expect(unknown).toMatchObject({ code: 2, stderr: "error: unknown option '--sensors'\n" });
    const few = await paper("--records", "2");
    expect(few.code).toBe(2);
    expect(few.stderr).toContain("It must be a whole number from 3.");
    const help = await paper("--help");
    expect(help.code).toBe(0);
    expect(help.stdout).toContain("npm run demo -- paper --interval 50 --json");
  });
});
