import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import { DeliverySink } from "../../../agent/consumer/deliver.ts";
import { runCommand } from "../../../agent/consumer/exec.ts";
import { encodeReading, type Reading } from "../../../agent/consumer/reading.ts";
import { Webhook } from "../../../core/ports/http/webhook.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { testFolder } from "../../support/folder.ts";

const log = pino({ level: "silent" });

function readings(count: number): Reading[] {
  return Array.from({ length: count }, (_, n) => ({
    ...{ id: `kid:${n}`, topic: "a/b", producer: "pi", timeMs: 1, takenMs: 2 },
    ...{ pack: [{ n: "t", v: n }], kafkaTopic: "veil-a", partition: 0, offset: BigInt(n) },
  }));
}

function sinkTo(command: string): DeliverySink {
  const attempt = (batch: readonly Reading[], signal: AbortSignal): Promise<void> =>
    runCommand(command, batch.map(encodeReading).join(""), signal);
  return new DeliverySink({ attempt, name: "the command", log });
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

  test("that goes on refusing is given up only at the end", async () => {
    const end = AbortSignal.timeout(500);
    await expect(sinkTo("exit 3").write(readings(1), end)).rejects.toMatchObject({
      code: "STOPPED",
    });
  });
});

describe("a webhook", () => {
  test("gets readings as a JSON array with its token, again until it answers 2xx", async () => {
    const bodies: { authorization: string | undefined; body: string }[] = [];
    const server = createServer(async (request, response) => {
      const { authorization } = request.headers;
      bodies.push({ authorization, body: await text(request) });
      response.writeHead(bodies.length < 3 ? 503 : 204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const webhook = new Webhook({ url: `http://127.0.0.1:${port}/in?x=1`, token: "secret" });
    const sink = new DeliverySink({
      ...{ name: "the webhook", log },
      attempt: (batch) => webhook.post(`[${batch.map(({ id }) => `"${id}"`)}]`),
      close: () => webhook.stop(),
    });
    await sink.write(readings(2), NEVER);
    await sink.close();
    expect(bodies).toEqual(
      Array(3).fill({ authorization: "Bearer secret", body: '["kid:0","kid:1"]' }),
    );
  });

  test.each(["http://example.org/in", "ftp://127.0.0.1/", "nonsense"])(
    "is not spoken to at %s",
    (url) => {
      expect(() => new Webhook({ url })).toThrow(expect.objectContaining({ code: "CONFIG" }));
    },
  );
});
