/**
 * The public listener in process: real HTTP, real documents, real mathematics in the bridge's worker threads (2,048
 * bits). In the place of Kafka: a registry in memory and a list of leaders.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { chmod, copyFile, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { pino } from "pino";
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { Clients } from "../../../bridge/directory/clients.ts";
import { openClientDocument } from "../../../bridge/directory/documents.ts";
import { openHead } from "../../../bridge/directory/head.ts";
import type { Directory, Tenant } from "../../../bridge/directory/types.ts";
import { FreshDirectory } from "../../../bridge/http/fresh-directory.ts";
import { HttpMetrics } from "../../../bridge/http/metrics.ts";
import { PublicServer } from "../../../bridge/http/public-server.ts";
import { Refusals } from "../../../bridge/http/refusals.ts";
import { Mailboxes } from "../../../bridge/mail/mailboxes.ts";

import { Matching } from "../../../bridge/matching/matching.ts";
import { BridgeMetrics } from "../../../bridge/metrics.ts";
import type { RegistryEntry } from "../../../bridge/registry/types.ts";
import { Sightings } from "../../../bridge/sightings.ts";
import type { ListenerTls } from "../../../bridge/tls.ts";
import { VeilError } from "../../../core/errors.ts";
import { HttpClient } from "../../../core/ports/http/client.ts";
import { loadOwnCertificate, type OwnCertificate } from "../../../core/ports/tls/own.ts";
import { NEVER, pause } from "../../../core/runtime/backoff.ts";
import type { Logger } from "../../../core/runtime/log.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import type { ClientRole } from "../../../core/scheme/suite.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import { encodeBundle, parseDocumentPath } from "../../../core/wire/directory.ts";
import {
  brokersResponseSchema,
  errorResponseSchema,
  importResponseSchema,
  keysResponseSchema,
  mailResponseSchema,
  matchResponseSchema,
} from "../../../core/wire/http.ts";
import { generateSigningKey, importSigningKey } from "../../../core/wire/keys.ts";
import { CA_FILE, testCertificate } from "../../support/certificate/certificate.ts";
import { testFolder } from "../../support/folder.ts";
import { silentLog } from "../../support/kafka.ts";

import { testLimits } from "../../support/limits.ts";
import { MemoryZooKeeper } from "../../support/memory-zookeeper.ts";

import { type Placed, TestTenant, testIdentity } from "../../support/signed-tenant.ts";
import { makeTenant, type TestDevice } from "../../support/tenant.ts";

const owner = makeTenant("acme");
const signed = new TestTenant("acme", [{ epoch: 1, parameters: owner.parameters }]);
const consumer = owner.enrol("viewer", { topics: [], urls: [] });
const producer = owner.enrol("pump", { topics: [], urls: [] });
const GRANTED = "plant/boiler";
const EMPTY = "plant/empty";
const LIMITS = {
  httpInFlightPerClient: 8,
  httpPerSecondPerClient: 1_000,
  httpBurstPerClient: 1_000,
};

let tenant: Tenant;
let matching: Matching;
beforeAll(async () => {
  const identity = await testIdentity();
  const { document } = await signed.head(identity, 1);
  const { kmsPublicKey } = signed;
  tenant = (await openHead("acme", document, { kmsPublicKey, identities: [identity] })).tenant;
  // A second passes between two questions: nobody's bucket runs dry.
  let nowMs = 0;
  matching = new Matching({ maxWorkers: 2, nowMs: () => (nowMs += 1_000) });
  return () => matching.stop();
});

/** What the server is built on; a test changes it as it likes. */
interface Ground {
  readonly clients: Clients;
  readonly leaders: Map<string, string | null>;
  readonly entries: Map<string, RegistryEntry[]>;
  ageMs: number;
  imported: readonly { path: string; document: Buffer }[];
  readonly zookeeper: MemoryZooKeeper;
  readonly sightings: Sightings;
  readonly bridge: BridgeMetrics;
  readonly metrics: HttpMetrics;
  readonly lines: string[];
  readonly log: Logger;
  import: Directory["import"];
}

let ground: Ground;
beforeEach(() => {
  const lines: string[] = [];
  const bridge = new BridgeMetrics();
  ground = {
    sightings: new Sightings(),
    bridge,
    metrics: new HttpMetrics(bridge.registry),
    lines,
    log: pino({ level: "info" }, { write: (line: string) => void lines.push(line) }),
    clients: new Clients("acme"),
    leaders: new Map([[topicOf(GRANTED), "10.0.0.1:9092"]]),
    entries: new Map(),
    ageMs: 0,
    imported: [],
    zookeeper: new MemoryZooKeeper(),
    import: async (documents) => {
      ground.imported = documents;
      return { accepted: documents.length, unchanged: 0 };
    },
  };
  const { secret } = consumer.credential;
  apply(signed.enrolment("viewer", 1, { secret, halves: consumer.proxy }));
  const tags = [GRANTED, EMPTY].map((name) => Buffer.from(owner.tag(name), "hex"));
  apply(
    signed.grants(
      "viewer",
      1,
      tags.map((tag) => ({ tag, ops: ["sub"] })),
    ),
  );
});

function topicOf(name: string): string {
  return kafkaTopicOf(Buffer.from(owner.tag(name), "hex"));
}

function apply({ path, document }: Placed): void {
  const place = parseDocumentPath(path);
  if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's document");
  const { kmsPublicKey, bridgeKey } = signed;
  ground.clients.apply(openClientDocument({ path, place, document, kmsPublicKey, bridgeKey }));
}

function directoryOn(): Directory {
  return {
    tenant: (name) => (name === "acme" ? tenant : null),
    client: ({ tenant: name, client }) => (name === "acme" ? ground.clients.get(client) : null),
    changes: 0,
    allows: (client, operation, tag, nowMs) => {
      const grant = client.grants.get(Buffer.from(tag).toString("hex"));
      return (grant?.ops.includes(operation) && nowMs < grant.exp) ?? false;
    },
    onClientChange: () => () => undefined,
    onTenant: () => () => undefined,
    ageMs: () => ground.ageMs,
    import: (documents) => ground.import(documents),
  };
}

async function serve(
  said: Parameters<typeof testLimits>[0] = {},
  tls?: ListenerTls,
): Promise<string> {
  const directory = directoryOn();
  const { bridge, metrics, sightings, log } = ground;
  const limits = testLimits({ ...LIMITS, ...said }, { metrics: bridge, log });
  const server = new PublicServer({
    at: { host: "127.0.0.1", port: 0, tls },
    limits,
    sightings,
    verified: directory,
    directory: new FreshDirectory({ directory, maxAgeMs: 600_000 }),
    matching,
    mailboxes: new Mailboxes({
      zookeeper: ground.zookeeper.part,
      kmsPublicKey: () => signed.kmsPublicKey,
      log: silentLog,
    }),
    registry: { find: async ({ kid }) => ground.entries.get(kid.toString("hex")) ?? [] },
    leaders: async (topic) => {
      const leader = ground.leaders.get(topic);
      return leader === undefined ? null : [{ partition: 0, leader }];
    },
    brokers: async () => ["10.0.0.1:9092", "10.0.0.2:9092"],
    status: async () => {
      throw new VeilError("UNAVAILABLE", "no hops here");
    },
    version: "1.2.3",
    metrics,
    refusals: new Refusals({ metrics, quiet: limits.refusals, sightings, log }),
    log,
  });
  await server.start();
  onTestFinished(() => server.stop());
  return `${tls ? "https" : "http"}://127.0.0.1:${server.port}`;
}

interface Call {
  readonly method?: "DELETE";
  readonly body?: unknown;
  readonly as?: { readonly user: string; readonly secret: Buffer } | null;
}

const VIEWER = { user: "viewer@acme", secret: consumer.credential.secret };

async function call(base: string, path: string, { method, body, as = VIEWER }: Call = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const basic = as && Buffer.from(`${as.user}:${as.secret.toString("base64url")}`);
  const response = await fetch(`${base}${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(basic && { authorization: `Basic ${basic.toString("base64")}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: text }),
  });
  const said = await response.text();
  const answer: unknown = said === "" ? null : JSON.parse(said);
  return { status: response.status, answer, headers: response.headers };
}

function roleOf({ credential }: TestDevice): ClientRole {
  const [halves] = credential.halves;
  if (!halves) throw new Error("no halves");
  const { realm, parameters } = owner;
  return clientRole({ realm, parameters, halves: halves.halves });
}

function trapdoor(name: string): { epoch: number; trapdoor: string } {
  return { epoch: 1, trapdoor: roleOf(consumer).token(name).toString("base64url") };
}

/** The producer's announcement of a fresh data key, in the registry. */
function announce(
  kid: Buffer = randomBytes(16),
  wrapped?: Buffer,
  epoch = 1,
): { kid: Buffer; ikm: Buffer } {
  const wrap = roleOf(producer).wrap(randomBytes);
  const announcement = encodeAnnouncement(
    {
      suite: 1,
      epoch,
      producerId: "pump",
      createdAtMs: 0,
      wrapped: wrapped ?? wrap.wrapped,
      commit: Buffer.concat([kid, randomBytes(16)]),
    },
    importSigningKey(generateSigningKey().seed),
  );
  const entry = { producerId: "pump", announcement, cert: Buffer.from("cert") };
  const hex = kid.toString("hex");
  ground.entries.set(hex, [...(ground.entries.get(hex) ?? []), entry]);
  return { kid, ikm: wrap.ikm };
}

const text = (kid: Buffer): string => kid.toString("base64url");

describe("/v1/mail", () => {
  const post = (client: string, number: number): Buffer => {
    const { path, document } = signed.mail(client, number, Buffer.from(`for ${client}`));
    ground.zookeeper.put(path, document);
    return document;
  };

  test("a client's own, the oldest first; none is an empty list", async () => {
    const base = await serve();
    expect((await call(base, "/v1/mail")).answer).toEqual({ mail: [] });
    const [second, first] = [post("viewer", 1_000), post("viewer", 999)];
    post("pump", 7);
    const { status, answer } = await call(base, "/v1/mail");
    expect(status).toBe(200);
    expect(mailResponseSchema.parse(answer).mail).toEqual([
      { number: 999, document: first },
      { number: 1_000, document: second },
    ]);
  });

  test("what the owner did not sign for this place is left out", async () => {
    const base = await serve();
    const { document } = signed.mail("pump", 7, Buffer.from("for pump"));
    ground.zookeeper.put(signed.mail("viewer", 7, Buffer.alloc(0)).path, document);
    expect((await call(base, "/v1/mail")).answer).toEqual({ mail: [] });
  });

  test("goes when it is stored, with the older ones, and nobody else's does", async () => {
    const base = await serve();
    for (const number of [6, 7, 8]) post("viewer", number);
    post("pump", 7);
    for (let time = 1; time <= 2; time++)
      expect((await call(base, "/v1/mail/7", { method: "DELETE" })).status).toBe(204);
    expect([...ground.zookeeper.nodes.keys()]).toEqual([
      "/veilmq/acme/mail/viewer/8",
      "/veilmq/acme/mail/pump/7",
    ]);
  });

  test.each(["0", "x", "-1", "1.5", "1000000000000000", "..%2Fpump%2F7"])(
    "number %s is none",
    async (number) => {
      const base = await serve();
      const { status, answer } = await call(base, `/v1/mail/${number}`, { method: "DELETE" });
      expect([status, answer]).toMatchObject([400, { code: "BAD_ARGUMENT" }]);
    },
  );

  test("is for who logs in, and is not revoked", async () => {
    const base = await serve();
    for (const method of [undefined, "DELETE"] as const) {
      const path = method ? "/v1/mail/7" : "/v1/mail";
      const ask = { ...(method && { method }) };
      expect((await call(base, path, { ...ask, as: null })).status).toBe(401);
      const wrong = { user: "viewer@acme", secret: randomBytes(32) };
      expect((await call(base, path, { ...ask, as: wrong })).status).toBe(401);
    }
    const { secret } = consumer.credential;
    apply(signed.enrolment("viewer", 2, { status: "revoked", secret }));
    expect((await call(base, "/v1/mail")).status).toBe(403);
  });

  test("waits for a ZooKeeper that is away", async () => {
    ground.zookeeper.isAway = true;
    const { status, answer } = await call(await serve(), "/v1/mail");
    expect([status, answer]).toMatchObject([503, { code: "UNAVAILABLE" }]);
  });
});

describe("POST /v1/match", () => {
  test("from a trapdoor to the topic and its leader", async () => {
    const { status, answer } = await call(await serve(), "/v1/match", { body: trapdoor(GRANTED) });
    expect(status).toBe(200);
    expect(matchResponseSchema.parse(answer)).toEqual({
      topic_name: topicOf(GRANTED),
      brokerAddress: "10.0.0.1:9092",
      partitions: [{ partition: 0, leader: "10.0.0.1:9092" }],
      epoch: 1,
    });
  });

  test("not granted and not existing read the same, and what is not granted is not looked up", async () => {
    const base = await serve();
    ground.leaders.set(topicOf("plant/secret"), "10.0.0.1:9092");
    const ungranted = await call(base, "/v1/match", { body: trapdoor("plant/secret") });
    const missing = await call(base, "/v1/match", { body: trapdoor(EMPTY) });
    for (const { status, answer } of [ungranted, missing]) {
      expect(status).toBe(404);
      expect(answer).toEqual({ code: "NOT_FOUND", message: "Topic not found", retryable: false });
    }
  });

  test.each([
    ["a token that is no element", { epoch: 1, trapdoor: "AAAA" }, 400, "BAD_TOKEN"],
    ["an epoch that is not in force", { ...trapdoor(GRANTED), epoch: 2 }, 400, "EPOCH"],
    ["a field too many", { ...trapdoor(GRANTED), topic: "x" }, 400, "BAD_ARGUMENT"],
    ["no JSON", "{", 400, "BAD_ARGUMENT"],
    ["a body above 64 KiB", { epoch: 1, trapdoor: "A".repeat(70_000) }, 413, "TOO_LARGE"],
  ])("refuses %s", async (_, body, status, code) => {
    const refused = await call(await serve(), "/v1/match", { body });
    expect(refused.status).toBe(status);
    expect(errorResponseSchema.parse(refused.answer).code).toBe(code);
  });

  test("computes nothing for a trapdoor longer than any suite has", async () => {
    const asked = vi.spyOn(matching, "match");
    onTestFinished(() => asked.mockRestore());
    const ask = async (bytes: number): Promise<unknown> => {
      const body = { epoch: 1, trapdoor: Buffer.alloc(bytes, 1).toString("base64url") };
      const { status, answer } = await call(await serve(), "/v1/match", { body });
      return { status, ...errorResponseSchema.parse(answer) };
    };
    expect(await ask(513)).toMatchObject({
      ...{ status: 400, code: "BAD_TOKEN", message: "the trapdoor is too long" },
      hint: expect.stringContaining("512 bytes"),
    });
    expect(asked).not.toHaveBeenCalled();
    // As long as may be, but of another modulus.
    expect(await ask(512)).toMatchObject({ status: 400, code: "BAD_TOKEN" });
    expect(asked).toHaveBeenCalledOnce();
  });

  test("stops where the directory is too old, as does release", async () => {
    const base = await serve();
    ground.ageMs = 600_001;
    const body = { topic_name: topicOf(GRANTED), kids: [text(randomBytes(16))] };
    for (const answer of [
      await call(base, "/v1/match", { body: trapdoor(GRANTED) }),
      await call(base, "/v1/keys", { body }),
    ])
      expect(answer).toMatchObject({ status: 503, answer: { code: "UNAVAILABLE" } });
    expect((await call(base, "/v1/brokers")).status).toBe(200);
  });

  test("a topic that has no leader is not missing", async () => {
    ground.leaders.set(topicOf(GRANTED), null);
    const answer = await call(await serve(), "/v1/match", { body: trapdoor(GRANTED) });
    expect(answer).toMatchObject({ status: 503, answer: { code: "UNAVAILABLE" } });
  });
});

describe("POST /v1/keys", () => {
  test("gives the consumer what opens to the producer's secret", async () => {
    const base = await serve();
    const keys = [announce(), announce()];
    const absent = randomBytes(16);
    const kids = [...keys.map(({ kid }) => kid), absent].map(text);
    const { status, answer } = await call(base, "/v1/keys", {
      body: { topic_name: topicOf(GRANTED), kids },
    });
    expect(status).toBe(200);
    const released = keysResponseSchema.parse(answer);
    expect(released.missing).toEqual([absent]);
    expect(released.keys).toHaveLength(2);
    for (const { kid, ikm } of keys) {
      const key = released.keys.find((one) => one.kid.equals(kid));
      if (!key) throw new Error("not released");
      expect(roleOf(consumer).unwrap(key.V).equals(ikm)).toBe(true);
      expect(key.cert.toString()).toBe("cert");
    }
  });

  test("many kids cost as many requests as it would take to look for them", async () => {
    const base = await serve({ httpPerSecondPerClient: 1, httpBurstPerClient: 100 });
    const kids = Array.from({ length: 256 }, () => text(randomBytes(16)));
    const body = { topic_name: topicOf(GRANTED), kids };
    const answers: number[] = [];
    for (let asked = 0; asked < 20; asked++)
      answers.push((await call(base, "/v1/keys", { body })).status);
    // A burst of 100 and nine for each.
    expect(answers.slice(0, 11)).toEqual(Array.from({ length: 11 }, () => 200));
    expect(answers.at(-1)).toBe(429);
  });

  test("a kid that several producers announced comes several times", async () => {
    const { kid } = announce();
    announce(kid);
    const body = { topic_name: topicOf(GRANTED), kids: [text(kid), text(kid)] };
    const { answer } = await call(await serve(), "/v1/keys", { body });
    expect(keysResponseSchema.parse(answer).keys).toHaveLength(2);
  });

  test("a W that is no element is not released, and harms no other", async () => {
    const good = announce();
    const bad = announce(randomBytes(16), Buffer.alloc(256, 0xff));
    const body = { topic_name: topicOf(GRANTED), kids: [text(good.kid), text(bad.kid)] };
    const { answer } = await call(await serve(), "/v1/keys", { body });
    const { keys, missing } = keysResponseSchema.parse(answer);
    expect(keys.map(({ kid }) => kid)).toEqual([good.kid]);
    expect(missing).toEqual([bad.kid]);
  });

  test("a key of an epoch that is on its way here is not missing: it is asked for again", async () => {
    const good = announce();
    const early = announce(randomBytes(16), undefined, 2);
    const body = { topic_name: topicOf(GRANTED), kids: [text(good.kid), text(early.kid)] };
    const base = await serve();
    const wait = { status: 503, answer: { code: "UNAVAILABLE" } };
    expect(await call(base, "/v1/keys", { body })).toMatchObject(wait);
    // The head is here, and the client's own halves are not yet.
    const before = tenant;
    onTestFinished(() => {
      tenant = before;
    });
    const second = { epoch: 2, parameters: owner.parameters };
    tenant = { ...before, epochs: new Map([...before.epochs, [2, second]]) };
    expect(await call(base, "/v1/keys", { body })).toMatchObject(wait);
  });

  test("a key of an epoch that has ended is missing", async () => {
    const before = tenant;
    onTestFinished(() => {
      tenant = before;
    });
    const { kid } = announce();
    const body = { topic_name: topicOf(GRANTED), kids: [text(kid)] };
    const base = await serve();
    const [first] = before.epochs.values();
    if (!first) throw new Error("there is one");
    const ended = [
      new Map([[1, { ...first, recordsUntilMs: 1 }]]),
      // Not in the head any more.
      new Map([[2, { ...first, epoch: 2 }]]),
    ];
    for (const epochs of ended) {
      tenant = { ...before, epochs };
      const { status, answer } = await call(base, "/v1/keys", { body });
      expect(status).toBe(200);
      expect(keysResponseSchema.parse(answer)).toEqual({ keys: [], missing: [kid] });
    }
  });

  test("without a grant there is no such topic, whatever kids are asked for", async () => {
    const { kid } = announce();
    const body = { topic_name: topicOf("plant/secret"), kids: [text(kid)] };
    const { status, answer } = await call(await serve(), "/v1/keys", { body });
    expect({ status, answer }).toMatchObject({
      status: 404,
      answer: { message: "Topic not found" },
    });
  });

  test("takes kids only: never a group element", async () => {
    const body = { topic_name: topicOf(GRANTED), kids: [text(randomBytes(256))] };
    expect((await call(await serve(), "/v1/keys", { body })).status).toBe(400);
    const many = Array.from({ length: 257 }, () => text(randomBytes(16)));
    const { status } = await call(await serve(), "/v1/keys", {
      body: { topic_name: topicOf(GRANTED), kids: many },
    });
    expect(status).toBe(400);
  });
});

describe("who asks", () => {
  test("has to be known: 401 with how to log in, 403 once revoked", async () => {
    const base = await serve();
    const unknown = await call(base, "/v1/brokers", { as: null });
    expect(unknown).toMatchObject({ status: 401, answer: { code: "AUTH" } });
    expect(unknown.headers.get("www-authenticate")).toMatch(/^Basic /);
    const wrong = await call(base, "/v1/brokers", { as: { ...VIEWER, secret: randomBytes(32) } });
    expect(wrong.status).toBe(401);
    apply(signed.enrolment("viewer", 2, { status: "revoked", secret: VIEWER.secret }));
    const revoked = await call(base, "/v1/match", { body: trapdoor(GRANTED) });
    expect(revoked).toMatchObject({ status: 403, answer: { code: "REVOKED" } });
  });

  test("is limited in rate", async () => {
    const base = await serve({ httpBurstPerClient: 2, httpPerSecondPerClient: 1 });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await call(base, "/v1/brokers")).status);
    expect(statuses).toEqual([200, 200, 429]);
    const { body } = await ground.bridge.text();
    expect(body).toContain('veilmq_limits_total{limit="httpPerSecondPerClient",tenant="acme"} 1');
    expect(body).toContain('veilmq_http_client_requests_total{tenant="acme"} 3');
  });

  test("is named in the line of a refusal, and the operator sees the last one", async () => {
    const base = await serve();
    await call(base, "/v1/match", { body: {} });
    const [line] = ground.lines.map((text) => JSON.parse(text));
    expect(line).toMatchObject({
      ...{ event: "refused", what: "/v1/match", code: "BAD_ARGUMENT", client: "viewer" },
      ...{ tenant: "acme", reason: expect.stringContaining("fields"), address: "127.0.0.1" },
    });
    expect(ground.sightings.list(Date.now())[0]?.lastRefusal).toMatchObject({
      ...{ what: "/v1/match", code: "BAD_ARGUMENT" },
    });
    const { body } = await ground.bridge.text();
    expect(body).toContain('veilmq_http_refusals_total{code="BAD_ARGUMENT",tenant="acme"} 1');
  });

  test("cannot flood the log: every refusal counts, few of an address are told", async () => {
    const calls = 400;
    const base = await serve({ address: { httpConnectsPerSecond: calls } });
    for (let n = 0; n < calls; n++) await (await fetch(`${base}/nothing`)).text();
    expect(ground.lines.length).toBeLessThan(calls);
    const { body } = await ground.bridge.text();
    expect(body).toContain(`veilmq_http_refusals_total{code="NOT_FOUND",tenant="-"} ${calls}`);
  });

  test("keeps its connection while it behaves; a stranger asks once on each", async () => {
    const base = await serve({ httpBurstPerClient: 2, httpPerSecondPerClient: 1 });
    const closes = async (options: Call): Promise<string | null> =>
      (await call(base, "/v1/brokers", options)).headers.get("connection");
    expect(await closes({ as: null })).toBe("close");
    expect([await closes({}), await closes({}), await closes({})]).toEqual([
      "keep-alive",
      "keep-alive",
      "close",
    ]);
  });

  test("asks one after the other: a heap of requests at once ends the connection", async () => {
    const base = await serve();
    const socket = connect(Number(new URL(base).port), "127.0.0.1");
    const ask = "GET /v1/openapi.json HTTP/1.1\r\nhost: a\r\n\r\n";
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk;
    });
    socket.on("error", () => undefined);
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.write(ask.repeat(100));
    await ended;
    expect(heard).toBe("");
  });

  test("has so many connections from one address only", async () => {
    const base = await serve({ address: { httpConnections: 1 } });
    const silent = connect(Number(new URL(base).port), "127.0.0.1");
    await once(silent, "connect");
    await expect(fetch(`${base}/v1/openapi.json`)).rejects.toThrow();
    silent.destroy();
    await expect
      .poll(async () => (await fetch(`${base}/v1/openapi.json`).catch(() => null))?.status)
      .toBe(200);
    expect((await ground.bridge.text()).body).toContain('limit="address.httpConnections"');
  });

  test("is limited in what is under way, and free again afterwards", async () => {
    const base = await serve({ httpInFlightPerClient: 2 });
    const kids = Array.from({ length: 30 }, () => text(announce().kid));
    const body = { topic_name: topicOf(GRANTED), kids };
    const calls = Array.from({ length: 4 }, () => call(base, "/v1/keys", { body }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    await expect.poll(async () => (await call(base, "/v1/brokers")).status).toBe(200);
  });
});

describe("POST /v1/import", () => {
  const bundle = (): string => encodeBundle([signed.enrolment("pump", 1)]);

  test("needs no login", async () => {
    const { status, answer } = await call(await serve(), "/v1/import", {
      as: null,
      body: bundle(),
    });
    expect(status).toBe(200);
    expect(importResponseSchema.parse(answer)).toEqual({ accepted: 1, unchanged: 0 });
    expect(ground.imported.map(({ path }) => path)).toEqual(["/veilmq/acme/clients/pump"]);
  });

  test("takes more than other requests do", async () => {
    const documents = Array.from({ length: 2_000 }, (_, n) => signed.enrolment(`c${n}`, 1));
    const { status } = await call(await serve(), "/v1/import", { body: encodeBundle(documents) });
    expect(status).toBe(200);
    expect(ground.imported).toHaveLength(2_000);
  });

  test("takes a large bundle apart beside everything else, and puts it together as it was", async () => {
    const documents = Array.from({ length: 20 }, (_, n) => ({
      path: `/veilmq/acme/clients/c${n}`,
      document: randomBytes(n * 5_000),
    }));
    const body = encodeBundle(documents);
    const parse = vi.spyOn(JSON, "parse");
    onTestFinished(() => parse.mockRestore());
    expect((await call(await serve(), "/v1/import", { body })).status).toBe(200);
    // As texts: number by number, a comparison takes seconds.
    const texts = (placed: typeof ground.imported): string[] =>
      placed.map(({ path, document }) => `${path} ${document.toString("base64")}`);
    expect(texts(ground.imported)).toEqual(texts(documents));
    const parsedHere = parse.mock.calls.map(([text]) => text.length);
    expect(Math.max(...parsedHere)).toBeLessThan(body.length);
    for (const body of [
      "{".padEnd(200_000),
      encodeBundle([{ path: "a\nb", document: randomBytes(200_000) }]),
    ]) {
      const { status, answer } = await call(await serve(), "/v1/import", { body });
      expect({ status, answer }).toMatchObject({ status: 400, answer: { code: "BAD_DOCUMENT" } });
    }
  });

  test("is not kept out by bodies that do not come, from however many addresses", async () => {
    const base = await serve();
    const head = "POST /v1/import HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n";
    for (let n = 2; n < 10; n++) {
      const port = Number(new URL(base).port);
      const slow = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${n}` });
      onTestFinished(() => void slow.destroy());
      slow.on("error", () => undefined);
      await once(slow, "connect");
      // The bridge says so when it has read the head.
      slow.write(`${head}content-length: 1000000\r\nexpect: 100-continue\r\n\r\n{`);
      const [said] = await once(slow, "data");
      expect(String(said)).toContain("100 Continue");
    }
    expect((await call(base, "/v1/import", { body: bundle() })).status).toBe(200);
  });

  test("says what the directory refuses", async () => {
    ground.import = async () => {
      throw new VeilError("ROLLED_BACK", "nothing was imported");
    };
    const { status, answer } = await call(await serve(), "/v1/import", { body: bundle() });
    expect({ status, answer }).toEqual({
      status: 409,
      answer: { code: "ROLLED_BACK", message: "nothing was imported", retryable: false },
    });
  });

  test("one at a time from an address, and whoever brings nonsense waits", async () => {
    const base = await serve();
    const gate = new EventEmitter();
    ground.import = async (documents) => {
      await once(gate, "open");
      return { accepted: documents.length, unchanged: 0 };
    };
    const first = call(base, "/v1/import", { body: bundle() });
    await expect
      .poll(async () => (await call(base, "/v1/import", { body: bundle() })).status)
      .toBe(429);
    gate.emit("open");
    expect((await first).status).toBe(200);
    const statuses = [];
    for (let n = 0; n < 4; n++)
      statuses.push((await call(base, "/v1/import", { body: { veilmq: "x" } })).status);
    expect(statuses).toContain(400);
    expect(statuses.at(-1)).toBe(429);
  });

  test("whoever brings nonsense without a pause waits for each, too", async () => {
    const base = await serve({ address: { httpConnectsPerSecond: 1_000 } });
    let read = 0;
    for (const endMs = performance.now() + 1_000; performance.now() < endMs; await pause(20, NEVER))
      if ((await call(base, "/v1/import", { body: { veilmq: "x" } })).status === 400) read++;
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(3);
  });
});

test("answers every error as {code, message, retryable}, also of fastify's own", async () => {
  const base = await serve();
  expect(await call(base, "/nothing")).toMatchObject({
    status: 404,
    answer: { code: "NOT_FOUND", retryable: false },
  });
  const typed = await fetch(`${base}/v1/import`, { method: "POST", body: "x" });
  expect(typed.status).toBe(415);
  expect(await typed.json()).toMatchObject({ code: "BAD_ARGUMENT", retryable: false });
  expect(await call(base, "/v1/status")).toMatchObject({ status: 503 });
});

test("speaks TLS where it has a certificate, and nothing else there", async () => {
  const { ca, cert, key } = await testCertificate();
  const base = await serve({}, { cert: Buffer.from(cert), key: Buffer.from(key) });
  const http = new HttpClient({ baseUrl: base, ca });
  onTestFinished(() => http.stop());
  await http.get("/v1/openapi.json", z.looseObject({ openapi: z.literal("3.1.0") }));
  await expect(fetch(base.replace("https", "http"))).rejects.toThrow();
});

test("asks for a client's own certificate beside its login, and for any before it listens at all", async () => {
  const folder = dirname(CA_FILE);
  const [ca, clientCa] = await Promise.all(
    [CA_FILE, join(folder, "ca2.pem")].map((path) => readFile(path)),
  );
  const { cert, key } = await testCertificate();
  const own = { cert: "sensor-1.pem", key: join(await testFolder(), "sensor-1.key") };
  await copyFile(join(folder, "sensor-1.key"), own.key);
  await chmod(own.key, 0o600);
  const certificate = await loadOwnCertificate(own, folder);
  apply(signed.enrolment("sensor-1", 2, { secret: VIEWER.secret }));
  const tls = { cert: Buffer.from(cert), key: Buffer.from(key), requestCert: true };
  const base = await serve({}, { ...tls, ca: clientCa ?? Buffer.of(), rejectUnauthorized: true });
  const ask = async (user: string, options: { certificate?: OwnCertificate }) => {
    const login = { user, password: VIEWER.secret.toString("base64url") };
    const http = new HttpClient({ baseUrl: base, ca: String(ca), login, ...options });
    onTestFinished(() => http.stop());
    return await http.get("/v1/brokers", brokersResponseSchema);
  };
  expect((await ask("sensor-1@acme", { certificate })).brokers).toHaveLength(2);
  await expect(ask("viewer@acme", { certificate })).rejects.toMatchObject({
    ...{ code: "AUTH", message: expect.stringContaining("certificate is not the client's") },
  });
  // No handshake, so no question was heard.
  await expect(ask("sensor-1@acme", {})).rejects.toMatchObject({
    message: expect.not.stringContaining("answered"),
  });
});

test("tells the brokers, and describes itself to anybody", async () => {
  const base = await serve();
  expect((await call(base, "/v1/brokers")).answer).toEqual({
    brokers: ["10.0.0.1:9092", "10.0.0.2:9092"],
  });
  const { answer } = await call(base, "/v1/openapi.json", { as: null });
  expect(answer).toMatchObject({ openapi: "3.1.0", info: { version: "1.2.3" } });
});
