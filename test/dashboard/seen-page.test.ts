/** The page *What do they see?* in a real browser. */
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { KeyRing } from "../../agent/consumer/key-ring.ts";
import { Marks } from "../../agent/consumer/marks.ts";
import { Opener } from "../../agent/consumer/opener.ts";
import { lookAt } from "../../agent/dashboard/seen.ts";
import type { Seen } from "../../agent/dashboard/wire.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { KAFKA_TOPIC, kmsPublicKey, Producer, scheme, TOPIC } from "../agent/consumer/world.ts";
import { cardsOf, start, TOPICS, useBrowser, violations, visit, WAIT } from "./visit.ts";

useBrowser();

function seenOf(topic: number, change: Partial<Seen> = {}): Seen {
  return {
    ...{ topic: TOPICS[topic] ?? "", silent: [], network: { bytes: 186, padded: true } },
    you: {
      ...{ producer: `pi-${topic}`, timeMs: Date.now() },
      values: [{ name: "temp", value: 31.25, unit: "Cel" }],
    },
    kafka: {
      ...{
        topic: KAFKA_TOPIC,
        partition: 0,
        offset: "7",
        takenMs: Date.now(),
        key: "ab".repeat(8),
      },
      ...{ value: "5651".repeat(93), bytes: 186 },
      header: {
        ...{ suite: 1, algorithm: "AES-256-GCM", epoch: 1, kid: "cd".repeat(16), number: "7" },
        timeMs: Date.now(),
      },
    },
    zookeeper: {
      isAsked: true,
      nodes: [{ path: "/veilmq/acme/clients/pi", text: "{}".repeat(300), bytes: 600 }],
    },
    ...change,
  };
}

/** Answers that are held back until they are let go, by topic. */
function held() {
  const waiting = new Map<number, () => void>();
  const answered = new Set<number>();
  const seen = async (topic: number): Promise<Seen> => {
    await new Promise<void>((resolve) => waiting.set(topic, resolve));
    answered.add(topic);
    return seenOf(topic);
  };
  return { waiting, answered, seen };
}

describe("the page", () => {
  test("shows each party, and the topic's place in the tree; axe finds nothing", async () => {
    const rig = await start();
    rig.seen = async (topic) => seenOf(topic);
    const { page, complaints } = await visit(`${rig.url}#/seen/1`);
    const sights = page.locator(".sight");
    await expect.poll(() => sights.count(), WAIT).toBe(4);
    expect(await sights.nth(0).innerText()).toContain("31.25 °C");
    expect(await sights.nth(1).innerText()).toMatch(/taken\s+\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
    expect(await page.locator("#tree [aria-selected='true'] > .node").innerText()).toBe("climate");
    expect(await page.title()).toBe("What do they see? · VeilMQ dashboard");
    expect(await page.locator("h1").innerText()).toBe("What do they see? field/south/climate");
    expect(await violations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("names who did not answer, beside what the others said", async () => {
    const rig = await start();
    rig.seen = async (topic) =>
      seenOf(topic, { silent: ["kafka", "zookeeper"], kafka: null, network: null });
    const { page } = await visit(`${rig.url}#/seen/0`);
    await page.getByText("Kafka did not answer when it was asked.").waitFor();
    await page.getByText("ZooKeeper did not answer when it was asked.").waitFor();
    expect(await page.locator(".sight.you").innerText()).toContain("31.25 °C");
  });

  test("does not come over the readings when its answer is late", async () => {
    const rig = await start();
    rig.add({ value: 4 });
    const { waiting, seen } = held();
    rig.seen = seen;
    const { page } = await visit(rig.url);
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["4 °C"]);
    await page.getByRole("link", { name: "What do they see?" }).first().click();
    await page.getByText("Asking Kafka and ZooKeeper").waitFor();
    await expect.poll(() => waiting.size, WAIT).toBe(1);
    const answered = page.waitForResponse("**/api/seen/0");
    await page.keyboard.press("Escape");
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["4 °C"]);
    waiting.get(0)?.();
    await answered;
    expect(await cardsOf(page)).toEqual(["4 °C"]);
    expect(await page.locator(".sight").count()).toBe(0);
  });

  test("shows the topic that was asked for last, however late the first answers", async () => {
    const rig = await start();
    const { waiting, answered, seen } = held();
    rig.seen = seen;
    const { page } = await visit(`${rig.url}#/seen/0`);
    await expect.poll(() => waiting.has(0), WAIT).toBe(true);
    await page.evaluate("location.hash = '/seen/1'");
    await expect.poll(() => waiting.has(1), WAIT).toBe(true);
    waiting.get(1)?.();
    await page.getByText("pi-1", { exact: true }).waitFor();
    waiting.get(0)?.();
    await expect.poll(() => answered.has(0), WAIT).toBe(true);
    // Whatever came before this has been taken in.
    await page.evaluate("fetch('/api/about').then((answer) => answer.json())");
    expect(await page.getByText("pi-0", { exact: true }).count()).toBe(0);
    expect(await page.getByText("pi-1", { exact: true }).count()).toBe(1);
  });

  test("a search leaves it for the readings, and the focus is not lost on the way", async () => {
    const rig = await start();
    rig.seen = async (topic) => seenOf(topic);
    rig.add({ name: "rh", unit: "%RH", value: 40 });
    rig.add({ value: 12 });
    const { page } = await visit(rig.url);
    await page.getByRole("link", { name: "What do they see?" }).first().click();
    await page.locator(".sight.you").waitFor();
    await expect.poll(() => page.evaluate("document.activeElement.id"), WAIT).toBe("main");
    await page.keyboard.press("/");
    await page.keyboard.type("rh");
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["40 % RH"]);
    expect(await page.evaluate("document.activeElement.id")).toBe("search");
  });

  test("shows a hostile reading harmlessly, from the sealed record on", async () => {
    const attack = '<img src=x onerror="document.title=1">';
    const producer = new Producer("device-1");
    const value = producer.seal([
      { bn: attack, bu: "<b>bold</b>", n: "x", vs: attack },
      { n: "long", vs: "<b>".repeat(10_000) },
    ]);
    const keys = new KeyRing({
      ...{ topic: TOPIC, kafkaTopic: KAFKA_TOPIC, kmsPublicKey, schemeOf: () => scheme },
      bridge: { keys: async () => ({ keys: [producer.released], missing: [] }) },
    });
    const opener = new Opener({ topic: TOPIC, keys, log: pino({ level: "silent" }) });
    const message = { offset: 0n, timestampMs: 0, key: Buffer.from("pseudonym"), value };
    const batch = { topic: KAFKA_TOPIC, partition: 0, messages: [message], highWatermark: 1n };
    const marks = new Marks();
    const { readings } = await opener.open(await opener.prepare(batch, marks, NEVER), marks);
    const rig = await start();
    rig.seen = async () =>
      lookAt(TOPIC, {
        ...{ tenant: "acme", newest: () => readings[0] ?? null, record: async () => message },
        node: async () => Buffer.from(`${"s".repeat(64)}<script>document.title=2</script>`),
        onSilent: () => undefined,
      });
    const { page, complaints } = await visit(`${rig.url}#/seen/0`);
    await page.locator(".sight.you").waitFor();
    const you = await page.locator(".sight.you").innerText();
    expect(you).toContain(`${attack}x\n${attack} <b>bold</b>`);
    expect(you).toContain("(30000 characters)");
    expect(await page.locator("main img, main script, main b").count()).toBe(1);
    expect(await page.title()).toBe("What do they see? · VeilMQ dashboard");
    expect(complaints).toEqual([]);
  });
});
