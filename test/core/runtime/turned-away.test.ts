import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test, vi } from "vitest";
import { NEVER, pause } from "../../../core/runtime/backoff.ts";
import { TurnedAway } from "../../../core/runtime/turned-away.ts";
import { testCertificate } from "../../support/certificate/certificate.ts";

/** More than a socket of Node's takes before anybody reads it. */
const WORDS = Buffer.alloc(1 << 20);
const SAID_MS = 300;
const FIRST_WORDS_MS = 1000;

/** The server's ends of all connections, as they come. */
async function start(server: Server, welcome: () => number | null): Promise<Socket[]> {
  const turnedAway = new TurnedAway();
  const sockets: Socket[] = [];
  const noted = (socket: Socket): number | null => {
    sockets.push(socket);
    return welcome();
  };
  turnedAway.guard(server, { welcome: noted, firstWordsMs: FIRST_WORDS_MS });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    turnedAway.destroyAll();
    server.close();
  });
  return sockets;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function says(socket: Socket): Socket {
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.write(WORDS);
  return socket;
}

/** With a reset: what was said is unread. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function heard(socket: Socket): Promise<number> {
  let bytes = 0;
  for await (const chunk of socket) {
    bytes += (chunk as Buffer).length;
    if (bytes >= WORDS.length) break;
  }
  return bytes;
}

test("who is turned away is not read, not even into a buffer, and ends after a second or some", async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket));
  const sockets = await start(server, () => null);
  const beganMs = Date.now();
  const client = says(connect(portOf(server), "127.0.0.1"));
  await pause(SAID_MS, NEVER);
  expect(sockets.map(({ bytesRead, destroyed }) => ({ bytesRead, destroyed }))).toEqual([
    { bytesRead: 0, destroyed: false },
  ]);
  await closed(client);
  expect(Date.now() - beganMs).toBeGreaterThanOrEqual(1000);
  expect(accepted).toEqual([]);
});

test("those who are turned away together do not end together", async () => {
  const server = createServer();
  await start(server, () => null);
  const endedAtMs: number[] = [];
  const clients = Array.from({ length: 20 }, () => says(connect(portOf(server), "127.0.0.1")));
  await Promise.all(
    clients.map(async (client) => {
      await closed(client);
      endedAtMs.push(performance.now());
    }),
  );
  // Of twenty moments within four seconds, all in one: once in ten billion runs.
  expect(Math.max(...endedAtMs) - Math.min(...endedAtMs)).toBeGreaterThan(1000);
});

test("who is welcome is heard, over TCP and over TLS", async () => {
  const { cert, key } = await testCertificate();
  const echo = (socket: Socket): void => void socket.pipe(socket);
  const tcp = createServer(echo);
  const tls = createTlsServer({ cert, key }, echo);
  for (const server of [tcp, tls]) await start(server, () => 0);
  expect(await heard(says(connect(portOf(tcp), "127.0.0.1")))).toBe(WORDS.length);
  const secure = { port: portOf(tls), host: "127.0.0.1", rejectUnauthorized: false };
  expect(await heard(says(connectTls(secure)))).toBe(WORDS.length);
});

test("who is turned away costs no handshake", async () => {
  const { cert, key } = await testCertificate();
  const server = createTlsServer({ cert, key });
  const failures: Error[] = [];
  server.on("tlsClientError", (error) => failures.push(error));
  const sockets = await start(server, () => null);
  const secure = { port: portOf(server), host: "127.0.0.1", rejectUnauthorized: false };
  const client = says(connectTls(secure));
  await closed(client);
  expect(sockets.map(({ bytesRead }) => bytesRead)).toEqual([0]);
  expect(failures).toEqual([]);
});

test.each([
  ["hangs up", (client: Socket) => client.end()],
  ["is cut off", (client: Socket) => client.resetAndDestroy()],
  ["stays silent", () => undefined],
])("who %s before its first word costs no TLS, and is told of", async (_, leave) => {
  const { cert, key } = await testCertificate();
  const server = createTlsServer({ cert, key });
  const failures: string[] = [];
  server.on("tlsClientError", ({ message }) => failures.push(message));
  const begun = vi.fn();
  server.prependListener("connection", begun);
  const sockets = await start(server, () => 0);
  const client = connect(portOf(server), "127.0.0.1");
  onTestFinished(() => void client.destroy());
  await expect.poll(() => sockets.length).toBe(1);
  leave(client);
  await expect.poll(() => failures).toEqual(["it ended without a word"]);
  expect(sockets[0]?.destroyed).toBe(true);
  expect(begun).not.toHaveBeenCalled();
});

test("TLS begins with its first words in the socket, and no larger buffer", async () => {
  const { cert, key } = await testCertificate();
  const server = createTlsServer({ cert, key });
  const words: number[] = [];
  server.prependListener("connection", ({ readableLength }) => words.push(readableLength));
  await start(server, () => 0);
  const secure = { port: portOf(server), host: "127.0.0.1", rejectUnauthorized: false };
  const client = connectTls(secure);
  onTestFinished(() => void client.destroy());
  await once(client, "secureConnect");
  expect(words).toEqual([expect.any(Number)]);
  // A ClientHello.
  expect(words[0]).toBeGreaterThan(100);
});

function hundredsOf(bytes: Buffer): Buffer[] {
  const count = Math.ceil(bytes.length / 100);
  return Array.from({ length: count }, (_, n) => bytes.subarray(100 * n, 100 * (n + 1)));
}

test("TLS begins when the whole ClientHello is there, however it comes", async () => {
  const { cert, key } = await testCertificate();
  const server = createTlsServer({ cert, key }, (socket) => void socket.pipe(socket));
  const words: number[] = [];
  server.prependListener("connection", ({ readableLength }) => words.push(readableLength));
  await start(server, () => 0);
  const socket = connect(portOf(server), "127.0.0.1");
  let isHello = true;
  const dripping = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      const hundreds = isHello ? hundredsOf(chunk) : [chunk];
      isHello = false;
      void drip(hundreds).then(() => done());
    },
  });
  socket.on("data", (chunk) => dripping.push(chunk));
  const begunBetween: number[] = [];
  async function drip(chunks: readonly Buffer[]): Promise<void> {
    for (const [n, chunk] of chunks.entries()) {
      if (n > 0) {
        await pause(20, NEVER);
        begunBetween.push(words.length);
      }
      socket.write(chunk);
    }
  }
  const client = connectTls({ socket: dripping, rejectUnauthorized: false });
  onTestFinished(() => void client.destroy());
  await once(client, "secureConnect");
  expect(words).toHaveLength(1);
  expect(begunBetween.length).toBeGreaterThan(1);
  expect(new Set(begunBetween)).toEqual(new Set([0]));
  client.write("hello");
  const [echo] = await once(client, "data");
  expect(String(echo)).toBe("hello");
});

test.each([
  ["begins a handshake and says no more", Buffer.from([22, 3, 1, 2, 0, 1]), 0],
  ["begins one and hangs up", Buffer.from([22, 3]), 0],
  ["says what is no handshake", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1],
  ["promises a ClientHello of 64 KiB", Buffer.from([22, 3, 1, 255, 255, 1]), 1],
])("who %s is told of and closed", async (what, said, begins) => {
  const { cert, key } = await testCertificate();
  const server = createTlsServer({ cert, key, handshakeTimeout: FIRST_WORDS_MS });
  const failures: Error[] = [];
  server.on("tlsClientError", (error, socket) => {
    failures.push(error);
    socket.destroy();
  });
  const begun = vi.fn();
  server.prependListener("connection", begun);
  await start(server, () => 0);
  const client = connect(portOf(server), "127.0.0.1");
  onTestFinished(() => void client.destroy());
  client.on("error", () => undefined).resume();
  client.write(said);
  if (what.endsWith("hangs up")) client.end();
  await closed(client);
  await expect.poll(() => failures).toHaveLength(1);
  expect(begun).toHaveBeenCalledTimes(begins);
});

test("who comes with a crowd waits unread, and is heard then", async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket.pipe(socket)));
  const sockets = await start(server, () => 2 * SAID_MS);
  const client = says(connect(portOf(server), "127.0.0.1"));
  await pause(SAID_MS, NEVER);
  expect(accepted).toEqual([]);
  expect(sockets.map(({ bytesRead }) => bytesRead)).toEqual([0]);
  expect(await heard(client)).toBe(WORDS.length);
});

test("who is gone before it begins does not begin", async () => {
  const accepted: Socket[] = [];
  const server = createServer((socket) => accepted.push(socket));
  const sockets = await start(server, () => SAID_MS);
  says(connect(portOf(server), "127.0.0.1"));
  await expect.poll(() => sockets.length).toBe(1);
  sockets[0]?.destroy();
  await pause(2 * SAID_MS, NEVER);
  expect(accepted).toEqual([]);
});
