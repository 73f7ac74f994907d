/** The README's first command, as a user runs it: the whole way, and the search for leaks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { findLeaks } from "../../demo/leaks.ts";
import { testFolder } from "../support/folder.ts";

const DEMO = "dist/demo/main.js";
const READINGS = 300;

async function demo(...args: string[]) {
  const child = spawn(process.execPath, [DEMO, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code };
}

/** Processes that still run anything out of `folder`. */
function leftOver(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(folder);
      } catch {
        return false;
      }
    });
}

const SLOW = { timeout: 240_000 };

test(
  "every reading arrives once, in order, and nobody in between learns names or readings",
  SLOW,
  async () => {
    const folder = join(await testFolder(), "demo");
    const run = await demo("--once", String(READINGS), "--json", "--keep", folder);
    expect(run.stderr).toContain(
      `${READINGS} received, 0 lost, 0 doubled, 0 out of order, 0 leaks`,
    );
    expect(run.code).toBe(0);
    const result = JSON.parse(run.stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(result).toMatchObject({
      sent: READINGS,
      received: READINGS,
      lost: 0,
      duplicates: 0,
      leaks: 0,
    });
    expect(leftOver(folder)).toEqual([]);

    const kept = ["agent-1", "bridge", "consumer-1", "kafka-1", "kms", "network", "zookeeper"];
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(kept));
    // What was searched was really there: the names by which the bridge and Kafka know a topic.
    const names = readdirSync(join(folder, "kafka-1", "data")).filter((n) => n.startsWith("veil-"));
    const [kafkaTopic = ""] = names.map((name) => name.replace(/-\d+$/, ""));
    const inZooKeeper = await findLeaks([join(folder, "zookeeper")], [kafkaTopic]);
    expect(inZooKeeper.leaks.map(({ form }) => form)).toContain("utf8");
    const onTheWire = await findLeaks([join(folder, "network")], ["sensor-1@demo"]);
    expect(onTheWire.leaks.map(({ form }) => form)).toContain("utf8");
    // No secret is left readable by others.
    for (const file of ["kms/demo/master.age", "kms/passphrase", "bridge/identity.age"])
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  },
);

test("Ctrl-C leaves no process behind", SLOW, async () => {
  const folder = join(await testFolder(), "demo");
  const child = spawn(process.execPath, [DEMO, "--keep", folder], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  const running = new Promise<void>((resolve) => {
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stderr.includes("running; Ctrl-C ends it")) resolve();
    });
  });
  await running;
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  expect(stderr).toContain(" 0 leaks");
  expect(code).toBe(0);
  expect(leftOver(folder)).toEqual([]);
});

test("a wrong option is refused with a hint before anything starts", async () => {
  const run = await demo("--brokers", "2");
  expect(run.stderr).toContain("It must be 1 or 3.");
  expect(run.code).toBe(2);
});
