/**
 * PROTOCOL.md §4, "Epochs", with everything real: the owner changes the keys while devices send and consumers read, one
 * device and one consumer being off, another consumer being killed in the middle; then old names end while one more device
 * is off, and old keys.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { HttpClient } from "../../core/ports/http/client.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { decodeCredential } from "../../core/wire/credential.ts";
import { matchResponseSchema } from "../../core/wire/http.ts";
import { importSigningKey } from "../../core/wire/keys.ts";
import { formatLogin } from "../../core/wire/login.ts";
import { type Device, RotationRig, SLOW, type TestConsumer } from "./rotation/rig.ts";

/** How much longer than it took to start everything the old names live, at least. */
const GRACE_FACTOR = 2;
const MIN_GRACE_MS = 35_000;
const TIMEOUT_MS = 300_000;
const DAY_MS = 24 * 3600 * 1000;

let folder: string;
let rig: RotationRig;
let reader: TestConsumer;
let late: TestConsumer;
let devices: readonly Device[];
let off: Device;
/** Off for longer than the old names live. */
let long: Device;
/** Ends while the tests run, and on a machine of any speed not before the first change is through. */
let graceMs = MIN_GRACE_MS;
/** When the first epoch's names end. */
let endsAtMs = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "veilmq-rotation-"));
  rig = new RotationRig(folder);
  const startedMs = performance.now();
  await rig.start();
  graceMs = Math.max(MIN_GRACE_MS, Math.round(GRACE_FACTOR * (performance.now() - startedMs)));
  reader = await rig.consumer("reader");
  late = await rig.consumer("late");
  await reader.process.spawn();
  await late.process.spawn();
  [off, long, ...devices] = rig.devices as [Device, Device, ...Device[]];
}, TIMEOUT_MS);

afterAll(async () => {
  await rig.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What each bridge answers to this consumer's trapdoor in an epoch: the code of a refusal, or "found". */
async function matches(consumer: TestConsumer, epoch: number): Promise<string[]> {
  const credential = decodeCredential(await readFile(consumer.credential));
  const { tenant, client: id, epochs, halves, secret } = credential;
  const inForce = epochs.find((each) => each.epoch === epoch);
  const own = halves.find((each) => each.epoch === epoch);
  if (!inForce || !own) throw new Error("the consumer has no keys of this epoch");
  const role = clientRole({
    realm: { tenant, epoch },
    ...{ parameters: inForce.parameters, halves: own.halves },
    consumer: { id, signingKey: importSigningKey(credential.signingKey) },
  });
  const trapdoor = role.token(rig.topics[0] ?? "").toString("base64url");
  const login = { user: formatLogin(credential), password: secret.toString("base64url") };
  return Promise.all(
    rig.bridges.map(async ({ url }) => {
      const http = new HttpClient({ baseUrl: url, login });
      const answer = await http
        .post("/v1/match", { epoch, trapdoor }, matchResponseSchema)
        .then(() => "found")
        .catch(({ code }) => String(code));
      await http.stop();
      return answer;
    }),
  );
}

/** These tests go on where the one before them ended. */
describe("a change of keys", () => {
  test(
    "under load, a device off and a consumer killed: nothing lost, doubled, overtaken or unreadable",
    async () => {
      await rig.play(rig.devices, async () => {
        for (const consumer of [reader, late])
          await vi.waitFor(
            async () => expect((await consumer.arrivals()).length).toBeGreaterThan(100),
            SLOW,
          );
        // One consumer knows the first names, and is off until they have ended.
        await late.process.stop();
        // Two devices take readings that nobody gets, and then are off.
        for (const { network, agent } of [off, long]) {
          network.stall();
          await vi.waitFor(
            async () => expect((await agent.status()).outbox.records).toBeGreaterThan(50),
            SLOW,
          );
        }
      });
      for (const { agent } of [off, long]) {
        await vi.waitFor(
          async () => expect((await agent.status()).taken).toBe(agent.sensor.written),
          SLOW,
        );
        await agent.process.kill("SIGKILL");
      }
      await rig.play(devices, async () => {
        await rig.rotate({ suite: "p256", graceMs });
        endsAtMs = Date.now() + graceMs;
        await rig.sealing(2, devices);
        const before = (await reader.arrivals()).length;
        await vi.waitFor(
          async () => expect((await reader.arrivals()).length).toBeGreaterThan(before + 50),
          SLOW,
        );
        await reader.process.kill("SIGKILL");
        await sleep(500);
        await reader.process.spawn();
        off.network.clear();
        await off.agent.process.spawn();
        await rig.sealing(2, [off]);
        expect(Date.now()).toBeLessThan(endsAtMs);
      });
      const present = [off, ...devices];
      await rig.play(present, () => sleep(1000));
      await rig.drained(present);
      await rig.complete(reader, present);
    },
    TIMEOUT_MS,
  );

  test(
    "back to the first suite",
    async () => {
      const present = [off, ...devices];
      await rig.play(present, async () => {
        await rig.rotate({ suite: "rsa", graceMs: DAY_MS });
        await rig.sealing(3, present);
        await sleep(1000);
      });
      await rig.drained(present);
      await rig.complete(reader, present);
    },
    TIMEOUT_MS,
  );

  test(
    "ends the old names with the window; a device and a consumer that were off lose nothing by that",
    async () => {
      expect(await matches(reader, 2)).toEqual(["found", "found"]);
      await sleep(Math.max(0, endsAtMs - Date.now()));
      expect(await matches(reader, 1)).toEqual(["EPOCH", "EPOCH"]);
      expect(await rig.retire()).toMatchObject({ done: "retire", dropped: [] });
      expect(await matches(reader, 1)).toEqual(["EPOCH", "EPOCH"]);
      expect(await matches(reader, 2)).toEqual(["found", "found"]);
      long.network.clear();
      await long.agent.process.spawn();
      await rig.sealing(3, [long]);
      await late.process.spawn();
      await rig.play(rig.devices, () => sleep(1000));
      await rig.drained();
      for (const consumer of [reader, late]) await rig.complete(consumer);
      expect((await long.agent.status()).rejected).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "--compromised ends all that was before; what a device still holds of it stays there, and new readings come",
    async () => {
      await late.process.stop();
      off.network.stall();
      await rig.play([off], async () => {
        await vi.waitFor(
          async () => expect((await off.agent.status()).outbox.records).toBeGreaterThan(20),
          SLOW,
        );
      });
      await vi.waitFor(
        async () => expect((await off.agent.status()).taken).toBeGreaterThan(0),
        SLOW,
      );
      const lost = off.agent.sensor.written;
      await off.agent.process.kill("SIGKILL");
      await rig.rotate({ suite: "pki", compromised: true });
      off.network.clear();
      await off.agent.process.spawn();
      await rig.sealing(4);
      const before = (await reader.arrivals()).length;
      await rig.play(rig.devices, () => sleep(1000));
      await rig.drained([long, ...devices]);
      const fresh = off.agent.sensor.written - lost;
      await vi.waitFor(async () => {
        const arrivals = (await reader.arrivals()).slice(before);
        const own = arrivals.filter(({ producer }) => producer === "device-1");
        expect(own.length).toBe(fresh);
      }, SLOW);
      expect((await off.agent.status()).outbox.older.stranded).toBeGreaterThan(20);
      expect((await off.agent.status()).rejected).toBe(0);
      await expect(matches(reader, 3)).rejects.toThrow("no keys");
      expect(await matches(reader, 4)).toEqual(["found", "found"]);
    },
    TIMEOUT_MS,
  );

  test(
    "and on to suite hmac, whose clients share a key: nothing is lost or doubled, both epochs work",
    async () => {
      await rig.play(rig.devices, async () => {
        await rig.rotate({ suite: "hmac", graceMs: DAY_MS });
        await rig.sealing(5);
        await sleep(1000);
      });
      await rig.drained(devices);
      await rig.complete(reader, devices);
      expect(await matches(reader, 4)).toEqual(["found", "found"]);
      expect(await matches(reader, 5)).toEqual(["found", "found"]);
    },
    TIMEOUT_MS,
  );
});
