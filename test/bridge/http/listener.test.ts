/** How a listener ends: what is in flight is answered, and nobody who says nothing keeps it. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import { Listener } from "../../../bridge/http/listener.ts";
import { HttpMetrics } from "../../../bridge/http/metrics.ts";
import { testCertificate } from "../../support/certificate/certificate.ts";
import { silentLog } from "../../support/kafka.ts";

interface Started {
  readonly hasTls?: boolean;
  readonly isFull?: boolean;
  /** Nobody has logged in; without it nobody need to. */
  readonly isForClients?: boolean;
  readonly answer?: (request: FastifyRequest) => Promise<object>;
}

async function start({ hasTls, isFull, isForClients, answer = async () => ({}) }: Started = {}) {
  const { cert, key } = await testCertificate();
  const arrived: string[] = [];
  const unwelcome: string[] = [];
  const listener = new Listener({
    metrics: new HttpMetrics(new Registry()),
    refusals: { note: () => undefined },
    arrive: (address) => {
      arrived.push(address);
      return isFull ? null : { leave: () => undefined, inMs: 0 };
    },
    onUnwelcome: (address) => void unwelcome.push(address),
    log: silentLog,
    ...(isForClients && { whoIs: () => null }),
    ...(hasTls && { tls: { cert: Buffer.from(cert), key: Buffer.from(key) } }),
  });
  listener.app.get("/slow", answer);
  listener.app.post("/body", answer);
  const port = await listener.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => listener.stop());
  return { listener, port, arrived, unwelcome };
}

async function say(
  port: number,
  words: string | Buffer,
): Promise<{ ended: Promise<unknown> } & { socket: Socket }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.resume();
  const ended = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  socket.write(words);
  return { socket, ended };
}

test("who is turned away waits for it, and is not read", async () => {
  const { port, arrived } = await start({ isFull: true });
  const beganMs = performance.now();
  const { ended } = await say(port, "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
  await ended;
  expect(performance.now() - beganMs).toBeGreaterThan(900);
  expect(arrived).toHaveLength(1);
});

const HALF_A_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);

test.each([
  ["HTTP, silent", false, ""],
  ["HTTP, half a head", false, "GET /slow HTTP/1.1\r\nhost: a"],
  ["HTTPS, silent", true, ""],
  ["HTTPS, half a handshake", true, HALF_A_HELLO],
])("stops although a stranger is there: %s", async (_, hasTls, words) => {
  const { listener, port, arrived } = await start({ hasTls });
  const { ended } = await say(port, words);
  await expect.poll(() => arrived.length).toBe(1);
  await listener.stop();
  await ended;
});

test("stops although a body does not come", async () => {
  const { listener, port, arrived } = await start();
  const head = "POST /body HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
  const { ended } = await say(port, `${head}content-length: 100\r\n\r\n{`);
  await expect.poll(() => arrived.length).toBe(1);
  await listener.stop();
  await ended;
});

test("answers what is in flight before it ends", async () => {
  let release = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = false;
  const { listener, port } = await start({
    answer: async () => {
      begun = true;
      await asked;
      return { answered: true };
    },
  });
  const answer = fetch(`http://127.0.0.1:${port}/slow`).then((response) => response.json());
  await expect.poll(() => begun).toBe(true);
  const stopped = listener.stop();
  release();
  expect(await answer).toEqual({ answered: true });
  await stopped;
});

test.each([
  ["HTTP", false],
  ["HTTPS", true],
])("of a thousand requests at once nobody parses more than a few: %s", async (_, hasTls) => {
  const { listener, port } = await start({ hasTls });
  let parsed = 0;
  listener.app.server.on("request", () => parsed++);
  const socket = hasTls
    ? connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false })
    : connect(port, "127.0.0.1");
  socket.on("error", () => undefined).resume();
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1000));
  await ended;
  expect(parsed).toBeGreaterThan(0);
  expect(parsed).toBeLessThan(20);
});

test("tells of strangers whose requests are refused, and of who does not wait for an answer", async () => {
  const { port, unwelcome } = await start({ isForClients: true });
  const ask = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    await response.text();
    return response.status;
  };
  expect(await ask("/slow")).toBe(200);
  expect(unwelcome).toEqual([]);
  expect(await ask("/nowhere")).toBe(404);
  expect(unwelcome).toEqual(["127.0.0.1"]);
  const { ended } = await say(port, "GET /slow HTTP/1.1\r\nhost: a\r\n\r\n".repeat(2));
  await ended;
  expect(unwelcome).toEqual(["127.0.0.1", "127.0.0.1"]);
});

test("a body of many slices arrives whole", async () => {
  const answer = async ({ body: told }: FastifyRequest): Promise<object> => ({
    told: String(told),
  });
  const { port } = await start({ answer });
  const body = `"${"x".repeat(60_000)}"`;
  const headers = { "content-type": "application/json" };
  const response = await fetch(`http://127.0.0.1:${port}/body`, { method: "POST", headers, body });
  expect(await response.json()).toEqual({ told: body });
});

test("a new certificate is for new connections, and none that is open ends for it", async () => {
  const { listener, port } = await start({ hasTls: true });
  const connectOverTls = async (): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await once(socket, "secureConnect");
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const authorityOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().issuer.CN);
  const ask = async (socket: TLSSocket): Promise<string> => {
    socket.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    const [answer] = await once(socket, "data");
    return String(answer);
  };
  const early = await connectOverTls();
  expect(await ask(early)).toContain("200 OK");
  const folder = "test/support/certificate";
  const [cert, key] = await Promise.all(
    ["server2.pem", "server2.key"].map((name) => readFile(`${folder}/${name}`)),
  );
  if (!cert || !key) throw new Error("the test certificate is incomplete");
  listener.setCertificate({ cert, key });
  expect(authorityOf(await connectOverTls())).toBe("VeilMQ test authority 2");
  expect(authorityOf(early)).not.toBe("VeilMQ test authority 2");
  expect(await ask(early)).toContain("200 OK");
});
