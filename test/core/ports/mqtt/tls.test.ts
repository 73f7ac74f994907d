import { readFile } from "node:fs/promises";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { connectMqtt } from "../../../../core/ports/mqtt/client.ts";
import { NEVER } from "../../../../core/runtime/backoff.ts";
import { CA_FILE, testCertificate } from "../../../support/certificate/certificate.ts";
import { until } from "../../../support/until.ts";
import { connectPacket, RawClient } from "./raw-client.ts";
import { startRig } from "./server-rig.ts";

const FOLDER = "test/support/certificate";

/** A server that asks for certificates, and notes whose they are. */
async function start() {
  const { cert, key } = await testCertificate();
  const ca = await readFile(`${FOLDER}/ca2.pem`);
  const seen: string[] = [];
  const rig = await startRig({
    autoAck: true,
    tls: { cert, key, ca, requestCert: true, rejectUnauthorized: true },
    authenticate: ({ certificate }) => {
      seen.push(certificate);
      return { accepted: true };
    },
  });
  return { ...rig, seen, asking: { ca, requestCert: true, rejectUnauthorized: true } };
}

async function login(port: number, name: string, isCertified = true) {
  const [ca, cert, key] = await Promise.all([
    readFile(CA_FILE, "utf8"),
    readFile(`${FOLDER}/sensor-1.pem`),
    readFile(`${FOLDER}/sensor-1.key`),
  ]);
  const own = isCertified ? { cert, key } : undefined;
  return connectMqtt({
    ...{ login: name, ca, certificate: own, signal: NEVER, keepaliveS: 30 },
    url: `mqtts://127.0.0.1:${port}`,
    secret: Buffer.alloc(32),
    onMessage: () => true,
  });
}

async function certificateAt(port: number): Promise<string> {
  const own = { cert: `${FOLDER}/sensor-1.pem`, key: `${FOLDER}/sensor-1.key` };
  const [cert, key] = await Promise.all([readFile(own.cert), readFile(own.key)]);
  const socket = connectTls({ host: "127.0.0.1", port, cert, key, rejectUnauthorized: false });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const { issuer } = socket.getPeerCertificate();
  socket.destroy();
  return String(issuer.CN);
}

test("a client's certificate is its own, or another's, and without one there is no handshake", async () => {
  const { port, seen } = await start();
  await (await login(port, "sensor-1@acme")).close();
  await (await login(port, "sensor-2@acme")).close();
  expect(seen).toEqual(["own", "foreign"]);
  await expect(login(port, "sensor-1@acme", false)).rejects.toThrow();
  expect(seen).toHaveLength(2);
});

test("a new certificate is for new connections, and no session ends for it", async () => {
  const { port, server, closed, asking } = await start();
  const early = await login(port, "sensor-1@acme");
  const before = await certificateAt(port);
  const [cert, key] = await Promise.all([
    readFile(`${FOLDER}/server2.pem`),
    readFile(`${FOLDER}/server2.key`),
  ]);
  server.setCertificate({ ...asking, cert, key });
  expect(await certificateAt(port)).toBe("VeilMQ test authority 2");
  expect(before).not.toBe("VeilMQ test authority 2");
  await early.publish("v1/rec/1", Buffer.from("still there"));
  expect(closed).toEqual([]);
  // And the new one still asks for certificates.
  await expect(login(port, "sensor-1@acme", false)).rejects.toThrow();
  await early.close();
  await until(() => closed.length === 1);
});

test.each([true, false])(
  "an address that is not admitted gets nothing, TLS: %s",
  async (hasTls) => {
    const { cert, key } = await testCertificate();
    const { port, refusals } = await startRig({
      ...(hasTls && { tls: { cert, key } }),
      arrive: () => ({ refused: "address-blocked" }),
    });
    const url = `${hasTls ? "mqtts" : "mqtt"}://127.0.0.1:${port}`;
    const ca = await readFile(CA_FILE, "utf8");
    const attempt = connectMqtt({
      ...{ url, ca, login: "sensor-1@acme", signal: NEVER, keepaliveS: 30 },
      secret: Buffer.alloc(32),
      onMessage: () => true,
    });
    await expect(attempt).rejects.toThrow();
    expect(refusals).toEqual(["address-blocked"]);
  },
);

/** The beginning of a ClientHello of 512 bytes, and nothing more. */
const HALF_A_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]);

test.each([
  ["TCP", "silent", false, undefined],
  ["TLS", "silent", true, undefined],
  ["TLS", "half a handshake", true, HALF_A_HELLO],
])("over %s a stranger's socket is closed in time: %s", async (_tls, _, hasTls, words) => {
  const { cert, key } = await testCertificate();
  const settled: string[] = [];
  const { port, refusals } = await startRig({
    ...(hasTls && { tls: { cert, key } }),
    limits: { connectTimeoutMs: 200 },
    arrive: (address) => ({ settled: () => settled.push(address), inMs: 0 }),
  });
  const stranger = await RawClient.open(port);
  if (words) stranger.send(words);
  await stranger.closed();
  expect(refusals).toEqual([hasTls ? "handshake" : "connect-timeout"]);
  await until(() => settled.length > 0);
});

test.each([
  ["TCP", false],
  ["TLS", true],
])("over %s nobody who says nothing keeps a server from stopping", async (_, hasTls) => {
  const { cert, key } = await testCertificate();
  const arrived: string[] = [];
  const { port, server } = await startRig({
    ...(hasTls && { tls: { cert, key } }),
    limits: { connectTimeoutMs: 3_600_000 },
    arrive: (address) => {
      arrived.push(address);
      return { settled: () => undefined, inMs: 0 };
    },
  });
  const strangers = [await RawClient.open(port), await RawClient.open(port)];
  strangers[1]?.send(hasTls ? HALF_A_HELLO : Buffer.from([0x10]));
  await until(() => arrived.length === 2);
  await server.stop(60_000);
  await Promise.all(strangers.map((stranger) => stranger.closed()));
});

test("a connection is a stranger's until it has logged in, over TLS too", async () => {
  const { ca, cert, key } = await testCertificate();
  let strangers = 0;
  const { port } = await startRig({
    tls: { cert, key },
    arrive: () => {
      let isOne = true;
      strangers++;
      return {
        settled: () => {
          if (isOne) strangers--;
          isOne = false;
        },
        inMs: 0,
      };
    },
  });
  const client = await RawClient.overTls(port, ca);
  expect(strangers).toBe(1);
  client.send(connectPacket());
  await until(() => client.returnCode === 0);
  expect(strangers).toBe(0);
});
