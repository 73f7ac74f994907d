import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { DeliverySink } from "../../../agent/consumer/deliver.ts";
import { runCommand } from "../../../agent/consumer/exec.ts";
import { encodeReading, type Reading } from "../../../agent/consumer/reading.ts";
import { Webhook } from "../../../core/ports/http/webhook.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { testFolder } from "../../support/folder.ts";
import { heldBy } from "../../support/held-by.ts";

const log = pino({ level: "silent" });

function readings(count: number): Reading[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: `kid:${n}`, topic: "a/b", producer: "pi", timeMs: 1, takenMs: 2 },
    ...{ pack: [{ n: "t", v: n }], kafkaTopic: "veil-a", partition: 0, offset: BigInt(n) },
  }));
}

function sinkTo(command: string): DeliverySink {
  const attempt = (lines: readonly string[], signal: AbortSignal): Promise<void> =>
    runCommand(command, lines.join(""), signal);
  return new DeliverySink({ encode: encodeReading, attempt, name: "the command", log });
}

describe("a command", () => {
  test("gets every reading on its stdin, again until it accepts them, and none on its command line", async () => {
    const folder = await testFolder();
    const [count, taken] = [join(folder, "count"), join(folder, "taken")];
    const command = `echo >> ${count}; [ $(wc -l < ${count}) -gt 2 ] && cat >> ${taken}`;
    await sinkTo(command).write(readings(700), NEVER);
    const lines = (await readFile(taken, "utf8")).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(readings(700).map(({ id }) => id));
    // Two refusals, then 500 and 200.
    expect((await readFile(count, "utf8")).length).toBe(4);
  });

  test("that reads nothing and exits 0 has accepted", async () => {
    await sinkTo("exit 0").write(readings(5000), NEVER);
  });

  test("that is not there ends the consumer", async () => {
    await expect(sinkTo("/nowhere/at/all").write(readings(1), NEVER)).rejects.toMatchObject({
      code: "CONFIG",
    });
  });

  test("that leaves something behind is ended with it after a stop", async () => {
    const command = "sleep 60 & trap '' TERM; cat > /dev/null; wait";
    const end = AbortSignal.timeout(200);
    await expect(runCommand(command, "", end, 100)).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("that has ended before its time is up takes nothing else with it", async () => {
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw Object.assign(new Error("kill ESRCH"), { code: "ESRCH" });
    });
    onTestFinished(() => kill.mockRestore());
    const ended = runCommand("cat > /dev/null; sleep 1", "", AbortSignal.abort(), 1);
    await expect(ended).resolves.toBeUndefined();
    expect(kill).toHaveBeenCalled();
  });

  test("that goes on refusing is given up only at the end", async () => {
    const end = AbortSignal.timeout(500);
    await expect(sinkTo("exit 3").write(readings(1), end)).rejects.toMatchObject({
      code: "STOPPED",
    });
  });
});

/** An endpoint that answers as `answer` says, `null` never; its address, and what it was sent. */
async function hook(answer: (body: string, count: number) => number | null) {
  const posts: { authorization: string | undefined; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers;
    const body = await text(request);
    posts.push({ authorization, body });
    const status = answer(body, posts.length);
    if (status !== null) response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/in?x=1`, posts };
}

function postTo(url: string, encode = ({ id }: Reading): string => `"${id}"`): DeliverySink {
  const webhook = new Webhook({ url, token: "secret" });
  onTestFinished(() => webhook.stop());
  return new DeliverySink({
    ...{ name: "the webhook", log, encode },
    attempt: (items, signal) => webhook.post(`[${items.join(",")}]`, signal),
  });
}

describe("a webhook", () => {
  test("gets readings as a JSON array with its token, again until it answers 2xx", async () => {
    const { url, posts } = await hook((_body, count) => (count < 3 ? 503 : 204));
    await postTo(url).write(readings(2), NEVER);
    expect(posts).toEqual(
      Array(3).fill({ authorization: "Bearer secret", body: '["kid:0","kid:1"]' }),
    );
  });

  test.each([408, 425, 429, 500])("is asked again after %s", async (status) => {
    const { url, posts } = await hook((_body, count) => (count < 2 ? status : 200));
    await postTo(url).write(readings(1), NEVER);
    expect(posts).toHaveLength(2);
  });

  test.each([
    [400, "CONFIG"],
    [301, "CONFIG"],
    [404, "CONFIG"],
    [401, "AUTH"],
    [403, "AUTH"],
  ])("that answers %s ends the consumer: %s", async (status, code) => {
    const { url, posts } = await hook(() => status);
    await expect(postTo(url).write(readings(1), NEVER)).rejects.toMatchObject({ code });
    expect(posts).toHaveLength(1);
  });

  test("gets fewer at once where they are too many, and no more than some bytes", async () => {
    const sizes: number[] = [];
    const { url } = await hook((body) => {
      const isTooLarge = body.length > 100_000;
      if (!isTooLarge) sizes.push(JSON.parse(body).length);
      return isTooLarge ? 413 : 200;
    });
    const pack = [{ n: "t", vs: "x".repeat(30_000) }];
    const sink = postTo(url, (reading) => JSON.stringify(reading.pack));
    await sink.write(
      readings(20).map((reading) => ({ ...reading, pack })),
      NEVER,
    );
    // 8 are below 256 KiB, 4 above 100 kB; from then on it is 2.
    expect(sizes).toEqual(Array(10).fill(2));
    expect(sink.taken).toBe(20);
  });

  test("leaves nothing behind, post by post, while the consumer runs", async () => {
    const { signal } = new AbortController();
    const { url, posts } = await hook(() => 200);
    const sink = postTo(url);
    for (const reading of readings(100)) await sink.write([reading], signal);
    expect(posts).toHaveLength(100);
    expect(heldBy(signal)).toBeLessThan(10);
  });

  test("that takes not even one reading ends the consumer", async () => {
    const { url } = await hook(() => 413);
    await expect(postTo(url).write(readings(3), NEVER)).rejects.toMatchObject({
      code: "TOO_LARGE",
    });
  });

  test("that does not answer keeps no stop waiting, and what it has taken is known", async () => {
    const end = new AbortController();
    const { url } = await hook((_body, count) => {
      if (count === 1) return 200;
      end.abort();
      return null;
    });
    const sink = postTo(url);
    await expect(sink.write(readings(700), end.signal)).rejects.toMatchObject({ code: "STOPPED" });
    expect(sink.taken).toBe(500);
  });

  test.each(["http://example.org/in", "ftp://127.0.0.1/", "nonsense"])(
    "is not spoken to at %s",
    (url) => {
      expect(() => new Webhook({ url })).toThrow(expect.objectContaining({ code: "CONFIG" }));
    },
  );
});
