/** What an analyst does, as they do it: `veilmq consume`, the library, and the dashboard in a browser, on real parts. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { NEVER } from "../../core/runtime/backoff.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { parseArrival, readingOf } from "../../demo/arrivals.ts";
import { freePorts } from "../../demo/cluster/ports.ts";
import { DemoDashboard } from "../../demo/demo-dashboard.ts";
import { DemoStack, type RunningStack } from "../../demo/stack.ts";
import { veilmq } from "../../demo/veilmq.ts";
import { launchBrowser, openPage } from "../dashboard/browser.ts";
import { quick } from "../kms/fixture.ts";
import { sharedCluster } from "../support/cluster.ts";

const READINGS = 600;
const REVOKED = 5;
const BINARY = packageFile("dist", "cli", "main.js");
const WAIT = { timeout: 60_000, interval: 200 };

let folder: string;
let stack: DemoStack;
let running: RunningStack;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-analyst-"));
  const { zookeeper } = sharedCluster();
  const size = { brokers: 3, sensors: 2, rate: 100, once: READINGS } as const;
  const options = { ...size, json: false, keep: null, zookeeper };
  stack = new DemoStack({
    options,
    dir: join(folder, "stack"),
    keys: quick(),
    signal: NEVER,
    say: () => {},
  });
  [running, browser] = await Promise.all([stack.start(), launchBrowser()]);
  await running.consumer.stop();
  // Every reading there will be, but for those that a test plays itself.
  await Promise.all(running.agents.map(({ sensor }) => sensor.play(NEVER)));
  const [agent] = running.agents;
  await vi.waitFor(async () => expect((await agent?.status())?.pending).toBe(0), WAIT);
}, 400_000);

afterAll(async () => {
  await browser?.close();
  await stack.stop();
  await rm(folder, { recursive: true, force: true });
});

/** `veilmq consume` on the stack's one topic, with a state of its own. */
function start(state: string, ...flags: string[]): ChildProcess {
  const { credential, topics } = running;
  const common = ["--credential", credential, "--state", join(folder, state)];
  const args = [BINARY, "consume", ...topics, ...common, ...flags];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function consume(state: string, ...flags: string[]) {
  const child = start(state, ...flags);
  if (!child.stdout || !child.stderr) throw new Error("no pipes");
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { stdout, stderr, code };
}

/** Which readings of each sensor are in lines of NDJSON. */
function countsIn(lines: string): Map<string, number[]> {
  const counts = new Map<string, number[]>();
  for (const line of lines.trimEnd().split("\n").filter(Boolean)) {
    const { sensor, count } = readingOf(parseArrival(line));
    counts.set(sensor, [...(counts.get(sensor) ?? []), count]);
  }
  return counts;
}

function all(perSensor: number): Map<string, number[]> {
  const each = Array.from({ length: perSensor }, (_, n) => n + 1);
  return new Map(running.agents.map(({ sensor }) => [sensor.serial, each]));
}

function sorted(counts: Map<string, number[]>): [string, number[]][] {
  return [...counts].sort(([a], [b]) => a.localeCompare(b));
}

describe("veilmq consume", () => {
  /** The first: no other consumer has committed anything for the group yet. */
  test("--exec gets every reading, over refusals and a kill -9 in the middle", async () => {
    const taken = join(folder, "taken");
    // Refuses now and then, as anything outside does.
    const command = `[ $(($$ % 3)) = 0 ] && exit 1; sleep 0.2; cat >> ${taken}`;
    const killed = start("exec", "--exec", command);
    await vi.waitFor(async () => expect((await readFile(taken)).length).toBeGreaterThan(0), WAIT);
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const { code } = await consume("exec", "--until", "now", "--exec", command);
    expect(code).toBe(0);
    const counts = countsIn(await readFile(taken, "utf8"));
    const once_ = [...counts].map(([sensor, list]): [string, number[]] => [
      sensor,
      [...new Set(list)].sort((a, b) => a - b),
    ]);
    expect(sorted(new Map(once_))).toEqual(sorted(all(READINGS / 2)));
  });

  test("--list says what the credential may read", async () => {
    const args = ["consume", "--list", "--credential", running.credential];
    expect(await veilmq(args, NEVER)).toBe(`${running.topics.join("\n")}\n`);
    const [line] = (await veilmq([...args, "--json"], NEVER)).split("\n");
    expect(JSON.parse(line ?? "")).toEqual({ topic: running.topics[0] });
  });

  test("--from and --until cut a part out, and end; without --from it goes on where it stopped", async () => {
    const first = await consume("part", "--from", "beginning", "--until", "now");
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: "" });
    expect(sorted(countsIn(first.stdout))).toEqual(sorted(all(READINGS / 2)));
    expect(await consume("part", "--until", "now")).toMatchObject({ code: 0, stdout: "" });
    const flags = ["--from", "1h", "--until", "now", "--format", "csv"];
    const csv = await consume("part", ...flags);
    const [header, ...rows] = csv.stdout.trimEnd().split("\r\n");
    expect(header).toBe("time,topic,producer,name,value,unit,id,unsynced");
    expect(rows.filter((row) => row.includes(",count,"))).toHaveLength(READINGS);
  });

  test("--webhook gets every reading as JSON, with its token, over a refusal", async () => {
    const [tokens, lines]: [Set<string | undefined>, string[]] = [new Set(), []];
    let posts = 0;
    const server = createServer(async (request, response) => {
      const body = await text(request);
      tokens.add(request.headers.authorization);
      posts += 1;
      if (posts > 1) for (const line of JSON.parse(body)) lines.push(JSON.stringify(line));
      response.writeHead(posts > 1 ? 204 : 503).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "s3cret\n", { mode: 0o600 });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`;
    const flags = ["--from", "beginning", "--until", "now", "--webhook", url];
    const { code } = await consume("webhook", ...flags, "--webhook-token-file", tokenFile);
    expect(code).toBe(0);
    expect([...tokens]).toEqual(["Bearer s3cret"]);
    expect(sorted(countsIn(lines.join("\n")))).toEqual(sorted(all(READINGS / 2)));
  });

  test("--format senml prints a pack a line, pretty a line for people; threads change nothing", async () => {
    const part = ["--from", "beginning", "--until", "now", "--threads", "2"];
    const senml = await consume("senml", ...part, "--format", "senml");
    const packs = senml.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(packs).toHaveLength(READINGS);
    for (const pack of packs) expect(pack[0]).toMatchObject({ bn: `${running.topics[0]}/` });
    const pretty = await consume("pretty", ...part, "--format", "pretty");
    const line = new RegExp(
      `^\\d{4}-\\d\\d-\\d\\d \\S+Z  ${running.topics[0]}  sensor-\\d  .*count=\\d+`,
    );
    const shown = pretty.stdout.trimEnd().split("\n");
    expect(shown).toHaveLength(READINGS);
    expect(shown.filter((each) => !line.test(each))).toEqual([]);
  });

  test("--silence tells of each device that is not heard, and when it is again, by name in --alerts only", async () => {
    const file = join(folder, "alerts.ndjson");
    const flags = ["--from", "beginning", "--silence", "1s", "--alerts", file];
    const child = start("silence", ...flags);
    onTestFinished(() => void child.kill("SIGKILL"));
    if (!child.stdout || !child.stderr) throw new Error("no pipes");
    child.stdout.resume();
    const said = text(child.stderr);
    /** Of which devices there was such an alert. */
    const alerts = async (kind: string) => {
      const lines = (await readFile(file, "utf8").catch(() => "")).split("\n").slice(0, -1);
      const those = lines
        .map((line) => JSON.parse(line))
        .filter(({ alert, topic }) => alert === kind && topic === running.topics[0]);
      return [...new Set(those.map(({ producer }) => producer))].sort();
    };
    const devices = ["sensor-1", "sensor-2"];
    await vi.waitFor(async () => expect(await alerts("silence")).toEqual(devices), WAIT);
    const playing = new AbortController();
    const played = playOn(playing.signal);
    await vi.waitFor(async () => expect(await alerts("heard again")).toEqual(devices), WAIT);
    playing.abort();
    await played;
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(await said).toContain("alert: silence: nothing in topic 1 of 1 for ");
    expect(await said).not.toContain(running.topics[0]);
  });

  test("the library gives typed readings, and its example runs", async () => {
    const script = [
      'import { subscribe } from "veilmq/consumer";',
      "const [credential, ...topics] = process.argv.slice(1);",
      'const options = { credential, topics, from: "beginning", until: new Date() };',
      "let readings = 0;",
      "for await (const { values, time, taken, offset } of subscribe(options))",
      '  if (values.some(({ name, value }) => name === "count" && typeof value === "number"))',
      "    if (time instanceof Date && taken >= time && typeof offset === 'bigint') readings += 1;",
      "console.log(readings);",
    ].join("\n");
    const flags = ["--input-type=module", "--eval", script, running.credential, ...running.topics];
    const counted = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
    expect(await text(counted.stdout)).toBe(`${READINGS}\n`);

    const path = packageFile("docs", "examples", "warm.mjs");
    const example = spawn(process.execPath, [path, running.credential, "20", ...running.topics], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void example.kill("SIGKILL"));
    const printed = once(example.stdout, "data");
    const playing = new AbortController();
    const played = playOn(playing.signal);
    expect(String(await printed)).toMatch(
      /^\d{4}-\S+Z sensor-\d (temp|rh|count|seq|extra) [\d.]+ /,
    );
    playing.abort();
    await played;
    example.kill("SIGINT");
    expect((await once(example, "exit"))[0]).toBe(0);
  });
});

/** Readings beyond those of the beginning, ten a second of each sensor. */
async function playOn(signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    const line = JSON.stringify({ sensor: "extra-line", extra: n, temp: 22 + (n % 5) });
    for (const { cable } of running.agents) await cable.write(Buffer.from(`${line}\n`));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("the dashboard", () => {
  /** The summary of the card with this title, of the first sensor: least, mean, greatest. */
  async function summaryOf(page: Page, title: string): Promise<string> {
    const card = page
      .locator(".card")
      .filter({ has: page.getByRole("heading", { name: title, exact: true }) });
    return (await card.first().locator(".summary dl").innerText()).replace(/\s+/g, " ");
  }

  test("shows Kafka's past and what comes, goes on after kill -9 of its server, and shows what others see", async () => {
    const [port = 0] = await freePorts(1);
    const { credential, zookeeper } = running;
    const parts = { folder: join(folder, "dashboard"), credential, zookeeper, port };
    const dashboard = await DemoDashboard.make(parts);
    onTestFinished(async () => void (await dashboard.process.stop()));
    await dashboard.process.spawn();
    await vi.waitFor(async () => expect(await dashboard.address()).not.toBeNull(), WAIT);
    const url = (await dashboard.address()) ?? "";
    const { page, complaints } = await openPage(browser);
    onTestFinished(() => page.context().close());
    await page.goto(url);
    await page.getByLabel("Window of the charts").selectOption({ label: "last 60 min" });
    const count = `min 1 mean ${READINGS / 4 + 0.5} max ${READINGS / 2}`;
    await expect.poll(() => summaryOf(page, "count"), WAIT).toBe(count);

    await dashboard.process.kill("SIGKILL");
    await page.getByText("connecting again").waitFor();
    const playing = new AbortController();
    const played = playOn(playing.signal);
    await dashboard.process.spawn();
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("heading", { name: "extra", exact: true }).first().waitFor();
    await expect.poll(() => summaryOf(page, "count"), WAIT).toBe(count);
    await expect.poll(() => summaryOf(page, "extra"), WAIT).toMatch(/^min 0 mean [\d.]+ max \d+$/);
    playing.abort();
    await played;

    await page.getByRole("link", { name: "What do they see?" }).first().click();
    await page.getByRole("heading", { name: "Kafka, and the bridge" }).waitFor();
    const others = await page.locator(".sight:not(.you)").allInnerTexts();
    const you = await page.locator(".sight.you").innerText();
    expect(you).toContain(running.topics[0]);
    expect(others.join()).toMatch(/veil-[a-z2-7]{52}/);
    expect(others.join()).toContain('"client":"sensor-');
    for (const canary of [...running.topics, "extra-line"])
      expect(others.join()).not.toContain(canary);
    // The browser itself tells of the server's absence, and of nothing else.
    expect(complaints.filter((text) => !text.includes("Failed to load resource"))).toEqual([]);
  }, 180_000);
});

/** The last: from then on the credential is worth nothing. */
test("a revoked consumer is told so within seconds, while no new key is due, and ends with its own code", async () => {
  const child = start("revoked", "--from", "latest");
  if (!child.stderr) throw new Error("no pipe");
  const stderr = text(child.stderr);
  const exit = once(child, "exit");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const bundle = await running.tenant.revoke("analyst");
  await veilmq(["bridge", "import", bundle, "--bridge", running.bridgeUrl], NEVER);
  expect((await exit)[0]).toBe(REVOKED);
  expect(await stderr).toMatch(/^veilmq: error: the bridge answered 403: this client is revoked$/m);
});
