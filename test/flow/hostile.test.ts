/**
 * What hostile clients do to a bridge, one attack each: the attacker is refused or closed, a metric names it, and a
 * neighbour's records go on. How much slower they get is measured by `npm run bench -- hostile`.
 */
import { expect, test } from "vitest";
import type { z } from "zod";
import { limitsSchema } from "../../bridge/config/limits.ts";
import { formatLogin } from "../../core/wire/login.ts";
import { formatUpstream } from "../../core/wire/mqtt.ts";
import { connectPacket, publishPacket, RawClient } from "../core/ports/mqtt/raw-client.ts";
import type { Member } from "../support/fleet.ts";
import { type Device, IngressRig } from "./ingress-rig.ts";

const TOPIC = "weather/zagreb";
const ALIAS = 7;

interface Scene {
  readonly rig: IngressRig;
  /** Enrolled, and hostile. */
  readonly insider: Member;
  /** Enrolled clients that the insider's owner also has. */
  readonly more: readonly Member[];
}

interface Attack {
  readonly name: string;
  /** In the text of the metrics, once the attack was noticed. */
  readonly metric: string;
  readonly limits?: z.input<typeof limitsSchema>;
  /** Resolves when the attacker has been refused or closed. */
  readonly run: (scene: Scene) => Promise<void>;
}

function helloOf({ login, secret }: Member, more: Record<string, unknown> = {}): Buffer {
  const name = formatLogin(login);
  const password = Buffer.from(secret.toString("base64url"));
  return connectPacket({ clientId: name, username: name, password, ...more });
}

async function login({ rig }: Scene, member: Member): Promise<RawClient> {
  const client = await RawClient.open(rig.ingress.port);
  client.send(helloOf(member));
  await expect.poll(() => client.packets.length).toBeGreaterThan(0);
  return client;
}

/** A stranger, or an insider before it is let in, says this and is closed. */
function says(words: (scene: Scene) => Buffer): Attack["run"] {
  return async (scene) => {
    const client = await RawClient.open(scene.rig.ingress.port);
    client.send(words(scene));
    await expect.poll(() => client.isClosed).toBe(true);
  };
}

/** An insider that has logged in says this and is closed. */
function saysInside(words: () => Buffer): Attack["run"] {
  return async (scene) => {
    const client = await login(scene, scene.insider);
    client.send(words());
    await expect.poll(() => client.isClosed).toBe(true);
  };
}

/** Again and again, until the address is turned away before it can say anything. */
function saysOverAndOver(words: Buffer): Attack["run"] {
  return async ({ rig }) => {
    const shut = async (): Promise<boolean> => {
      const { body } = await rig.metrics.text();
      return body.includes('reason="address-blocked"');
    };
    await expect
      .poll(async () => {
        const client = await RawClient.open(rig.ingress.port);
        client.send(words);
        await expect.poll(() => client.isClosed).toBe(true);
        return shut();
      })
      .toBe(true);
  };
}

const record = (change: { qos?: 0 | 1 | 2; retain?: boolean } = {}): Buffer =>
  publishPacket({ topic: formatUpstream({ kind: "rec", alias: ALIAS }), payload: "x", ...change });

const WILL = { topic: "t", payload: "x", qos: 1, retain: false };
const ATTACKS: readonly Attack[] = [
  {
    name: "a huge packet",
    metric: 'reason="packet-size"',
    run: says(() => Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])),
  },
  {
    name: "another protocol",
    metric: 'reason="not-connect"',
    run: says(() => Buffer.from("GET / HTTP/1.1\r\n\r\n")),
  },
  {
    name: "a will",
    metric: 'reason="will"',
    run: says(({ insider }) => helloOf(insider, { will: WILL })),
  },
  {
    name: "an unclean session",
    metric: 'reason="unclean-session"',
    run: says(({ insider }) => helloOf(insider, { clean: false })),
  },
  {
    name: "a retained message",
    metric: 'reason="retained"',
    run: saysInside(() => record({ retain: true })),
  },
  { name: "QoS 2", metric: 'reason="qos"', run: saysInside(() => record({ qos: 2 })) },
  {
    name: "a topic that is none",
    metric: 'veilmq_refusals_total{code="BAD_ARGUMENT"',
    run: saysInside(() => publishPacket({ topic: "somewhere/else", payload: "x" })),
  },
  {
    name: "an alias that was never accepted",
    metric: 'veilmq_refusals_total{code="BAD_ARGUMENT"',
    run: saysInside(() => record()),
  },
  {
    name: "wrong secrets, over and over",
    metric: 'limit="address.failedLoginsPerMinute"',
    limits: { address: { failedLoginsPerMinute: 5 } },
    run: saysOverAndOver(connectPacket({ clientId: "a@acme", username: "a@acme" })),
  },
  {
    name: "huge packets, over and over",
    metric: 'limit="address.failedLoginsPerMinute"',
    limits: { address: { failedLoginsPerMinute: 5 } },
    run: saysOverAndOver(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])),
  },
  {
    name: "connections that say nothing",
    metric: 'limit="address.pendingConnections"',
    limits: { address: { pendingConnections: 20 } },
    run: async ({ rig }) => {
      const silent = await Promise.all(
        Array.from({ length: 30 }, () => RawClient.open(rig.ingress.port)),
      );
      await expect.poll(() => silent.filter(({ isClosed }) => isClosed).length).toBe(10);
      for (const { socket } of silent) socket.destroy();
    },
  },
  {
    name: "connections without end",
    metric: 'limit="address.connectsPerSecond"',
    limits: { address: { connectsPerSecond: 1 } },
    run: async ({ rig }) => {
      const some = await Promise.all(
        Array.from({ length: 30 }, () => RawClient.open(rig.ingress.port)),
      );
      await expect.poll(() => some.some(({ isClosed }) => isClosed)).toBe(true);
      for (const { socket } of some) socket.destroy();
    },
  },
  {
    name: "a client that connects again and again",
    metric: 'limit="client.connectsPerMinute"',
    limits: { client: { connectsPerMinute: 10 } },
    run: async (scene) => {
      const codes: (number | undefined)[] = [];
      while (codes.at(-1) !== 3) codes.push((await login(scene, scene.insider)).returnCode);
      expect(codes.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
      // And its end is not a line each time, however often it comes.
      const ends = scene.rig.log.filter((line) => line.includes('"event":"closed"'));
      expect(ends.length).toBeLessThanOrEqual(codes.length);
    },
  },
  {
    name: "sessions of all its clients at once",
    metric: 'limit="tenant.connections"',
    // The neighbour, and two more.
    limits: { tenant: { connections: 3 } },
    run: async (scene) => {
      const codes = [];
      for (const member of scene.more) codes.push((await login(scene, member)).returnCode);
      expect(codes).toEqual([0, 0, 3, 3]);
    },
  },
  {
    name: "questions without end, whose answers it never reads",
    metric: 'reason="slow-reader"',
    limits: { client: { messagesPerSecond: 10_000_000, bytesPerSecond: 2 ** 30 } },
    run: async (scene) => {
      const client = await login(scene, scene.insider);
      client.socket.pause();
      const pings = Buffer.alloc(100_000, Buffer.from([0xc0, 0]));
      const isNoticed = async (): Promise<boolean> => {
        client.send(pings);
        const { body } = await scene.rig.metrics.text();
        return body.includes('reason="slow-reader"');
      };
      await expect.poll(isNoticed, { interval: 5, timeout: 45_000 }).toBe(true);
      client.socket.destroy();
    },
  },
];

test.each(ATTACKS)(
  "$name: refused, named, and a neighbour goes on",
  async ({ metric, limits, run }) => {
    const rig = await IngressRig.start({ mqtt: { drainTimeoutMs: 500 } });
    const neighbour = await rig.connect(rig.fleet.enrol("neighbour", [TOPIC]));
    await neighbour.open(ALIAS, TOPIC);
    rig.limits.book.set({ limits: limitsSchema.parse(limits ?? {}), tenants: [] });
    const scene = {
      rig,
      insider: rig.fleet.enrol("insider", [TOPIC]),
      more: ["a", "b", "c", "d"].map((name) => rig.fleet.enrol(name, [TOPIC])),
    };
    const publishing = publishAlong(neighbour);
    await run(scene);
    const { body } = await rig.metrics.text();
    expect(body).toContain(metric);
    expect(await publishing.end()).toBeGreaterThan(0);
  },
);

/** A record after the other, each when the one before it has its PUBACK. */
function publishAlong(device: Device): { end: () => Promise<number> } {
  let isOver = false;
  const published = (async () => {
    let seq = 0;
    while (!isOver || seq === 0) await device.send(ALIAS, seq++);
    return seq;
  })();
  return {
    end: async () => {
      isOver = true;
      return published;
    },
  };
}
