/** A change of keys at a device: mail, the swap, and what the outbox holds of the epoch before (PROTOCOL.md §4). */
import { once } from "node:events";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { type Credential, decodeCredential } from "../../core/wire/credential.ts";
import type { NumberedMail } from "../../core/wire/mqtt.ts";
import { Random } from "../faults/random.ts";
import type { FieldBridge } from "../support/field-bridge.ts";
import type { NextKeys } from "../support/key-change.ts";
import { ask, type Field, line, makeField, range, spawnAgent, startAgent, WAIT } from "./field.ts";

/** The owner changes the keys: the bridge knows the new ones, and what the device is sent. */
async function rotate({ bridge, change }: Field): Promise<NextKeys> {
  const next = await change.next();
  bridge.addEpoch(next.tenant, next.proxy);
  return next;
}

async function stored({ credential }: Field): Promise<Credential> {
  return decodeCredential(await readFile(credential));
}

/** The epochs of what arrived, each once for as long as it went on. */
function epochsOf({ arrivals }: FieldBridge): number[] {
  return arrivals.map(({ epoch }) => epoch).filter((epoch, i, all) => epoch !== all[i - 1]);
}

async function write(field: Field, from: number, to: number): Promise<void> {
  await field.ptys[0]?.write(range(from, to).map(line).join(""));
}

describe("mail", () => {
  test("is on disk before anything is sealed with it; nothing is lost, doubled or overtaken", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    const { agent, log } = await startAgent(field);
    const playing = new AbortController();
    let written = 0;
    const play = async (): Promise<void> => {
      while (!playing.signal.aborted) {
        await write(field, written, written + 5);
        written += 5;
        await sleep(5);
      }
    };
    const played = play();
    for (let epoch = 2; epoch <= 4; epoch++) {
      const next = await rotate(field);
      await vi.waitFor(() => expect(bridge.arrivals.at(-1)?.epoch).toBe(epoch - 1), WAIT);
      await bridge.pushMail(await next.mail());
      await vi.waitFor(() => expect(agent.status().epoch).toBe(epoch), WAIT);
      expect((await stored(field)).epochs).toHaveLength(epoch);
      await vi.waitFor(() => expect(bridge.arrivals.at(-1)?.epoch).toBe(epoch), WAIT);
    }
    playing.abort();
    await played;
    await vi.waitFor(() => expect(counts()).toEqual(range(0, written)), WAIT);
    expect(epochsOf(bridge)).toEqual([1, 2, 3, 4]);
    expect(bridge.violations).toEqual([]);
    expect((await stat(field.credential)).mode & 0o777).toBe(0o600);
    expect(log.join("")).toContain("new keys are in use");
    expect(log.join("")).not.toMatch(/canary/);
  });

  test("waits behind what was sealed before: not one newer record leaves until the last older one is acknowledged", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    const { agent } = await startAgent(field);
    let holding = true;
    // One alone: with more of them unanswered the server would read nothing at all.
    bridge.decide = ({ kind, seq, epoch }) =>
      holding && kind === "rec" && epoch === 1 && seq === 5n ? "hold" : "take";
    await write(field, 0, 6);
    await vi.waitFor(() => expect(agent.status().acknowledged).toBe(5), WAIT);
    await bridge.pushMail(await (await rotate(field)).mail());
    await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
    await write(field, 6, 20);
    await vi.waitFor(() => expect(agent.status().taken).toBe(20), WAIT);
    await sleep(200);
    expect(agent.status().outbox.older).toEqual({ waiting: 1, stranded: 0 });
    expect(bridge.announced).toHaveLength(1);
    holding = false;
    bridge.cut();
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 20)), WAIT);
    expect(epochsOf(bridge)).toEqual([1, 2]);
    expect(agent.status().outbox.older).toEqual({ waiting: 0, stranded: 0 });
  });

  test("reaches a device that was off, whose outbox is of the epoch before", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    await bridge.stop();
    const off = await spawnAgent(field);
    await write(field, 0, 300);
    await vi.waitFor(async () => expect((await ask(field)).taken).toBe(300), WAIT);
    off.kill("SIGKILL");
    await once(off, "exit");
    bridge.mail = await (await rotate(field)).mail();
    await bridge.start();
    const { agent } = await startAgent(field);
    await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
    await write(field, 300, 320);
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 320)), WAIT);
    expect(epochsOf(bridge)).toEqual([1, 2]);
    expect(bridge.violations).toEqual([]);
  });

  test("kill -9 anywhere around the swap loses and doubles nothing", async () => {
    const KILLS = 6;
    const field = await makeField();
    const { bridge, counts } = field;
    const random = new Random(7);
    let written = 0;
    let taken = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = await spawnAgent(field);
      const mail = await (await rotate(field)).mail();
      bridge.mail = mail;
      for (let i = 0; i < 20; i++) await write(field, written, ++written);
      void bridge.pushMail(mail).catch(() => undefined);
      await sleep(random.between(0, 60));
      taken += (await ask(field)).taken;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    const { agent } = await startAgent(field);
    await vi.waitFor(() => expect(agent.status().epoch).toBe(KILLS + 1), WAIT);
    await vi.waitFor(() => expect(agent.status().pending).toBe(0), WAIT);
    const read = counts();
    expect(read.length).toBeGreaterThanOrEqual(taken);
    expect(read).toEqual([...new Set(read)].sort((a, b) => a - b));
    expect(epochsOf(bridge)).toEqual([...epochsOf(bridge)].sort((a, b) => a - b));
    expect(bridge.violations).toEqual([]);
  });

  test("that is forged, another client's, older or garbage changes nothing and holds nothing up", async () => {
    const field = await makeField();
    const { bridge, change, counts } = field;
    const { agent, log } = await startAgent(field);
    await write(field, 0, 5);
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 5)), WAIT);
    const before = await readFile(field.credential);
    const next = await rotate(field);
    const good = await next.mail();
    const forged = Buffer.from(good.document);
    forged.writeUInt8(forged.readUInt8(70) ^ 1, 70);
    const bad: NumberedMail[] = [
      { ...good, document: forged },
      { ...good, number: good.number + 1 },
      await next.mail({ client: "probe-2" }),
      await next.mail({ serial: change.device.credential.serial }),
      await next.mail({ halves: [] }).catch(() => ({ ...good, document: Buffer.from("x") })),
    ];
    for (const mail of bad) await bridge.pushMail(mail);
    await write(field, 5, 10);
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 10)), WAIT);
    expect(agent.status().epoch).toBe(1);
    expect((await readFile(field.credential)).equals(before)).toBe(true);
    expect(bridge.connects).toBe(1);
    await bridge.pushMail(good);
    await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
    const refused = log.filter((each) => each.includes("mail was refused"));
    // The one with the device's own serial looks like one that is stored already.
    expect(refused).toHaveLength(bad.length - 1);
  });
});

describe("an epoch whose names have ended", () => {
  /** A device that was cut off in the middle of a key, and off until the names of its epoch had ended. */
  async function returns(field: Field): Promise<void> {
    const { bridge } = field;
    const first = await startAgent(field);
    await write(field, 0, 10);
    await vi.waitFor(() => expect(first.agent.status().acknowledged).toBe(10), WAIT);
    await bridge.stop();
    await write(field, 10, 20);
    await vi.waitFor(() => expect(first.agent.status().taken).toBe(20), WAIT);
    await first.agent.stop();
    const second = await startAgent(field);
    await write(field, 20, 30);
    await vi.waitFor(() => expect(second.agent.status().taken).toBe(10), WAIT);
    await second.agent.stop();
    bridge.mail = await (await rotate(field)).mail();
    bridge.retired.add(1);
    await bridge.start();
  }

  test("is emptied under the newest name, each key announced there, before anything newer", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    await returns(field);
    const { agent, log } = await startAgent(field);
    await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
    await write(field, 30, 40);
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 40)), WAIT);
    await vi.waitFor(() => expect(agent.status().pending).toBe(0), WAIT);
    expect(epochsOf(bridge)).toEqual([1, 2]);
    expect(bridge.violations).toEqual([]);
    expect(agent.status().rejected).toBe(0);
    expect(log.filter((each) => each.includes("names of an older epoch have ended"))).toHaveLength(
      1,
    );
  });

  test("connections that end in the middle of that lose nothing", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    await returns(field);
    let n = 0;
    bridge.decide = () => {
      n++;
      if (n % 5 === 0) setTimeout(() => bridge.cut(), 1);
      return n % 7 === 0 ? "drop" : "take";
    };
    const { agent } = await startAgent(field);
    await write(field, 30, 40);
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 40)), WAIT);
    expect(agent.status().rejected).toBe(0);
    expect(bridge.violations).toEqual([]);
  });

  test("without the announcement of a key, its records are put into rejected/, and the rest goes on", async () => {
    const field = await makeField();
    const { counts, stateDir } = field;
    await returns(field);
    await rm(join(stateDir, "announcements.json"));
    const { agent, log } = await startAgent(field);
    await write(field, 30, 40);
    await vi.waitFor(() => expect(counts()).toEqual([...range(0, 10), ...range(20, 40)]), WAIT);
    expect(agent.status().rejected).toBe(10);
    expect(log.filter((each) => each.includes("of an older epoch cannot be sent"))).toHaveLength(1);
  });

  test("and whose records are not taken any more either, stays in the outbox, counted and named", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    await returns(field);
    const message = "by the test";
    bridge.decide = ({ kind, alias, kid = "", epoch }) =>
      kind === "key" && epoch === 1
        ? { refuse: { alias, status: "refused", code: "EPOCH", message: message + kid } }
        : "take";
    const { agent, log } = await startAgent(field);
    await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
    await write(field, 30, 40);
    await vi.waitFor(() => expect(counts()).toEqual([...range(0, 10), ...range(30, 40)]), WAIT);
    const kept = { pending: 21, rejected: 0, outbox: { older: { waiting: 0, stranded: 21 } } };
    await vi.waitFor(() => expect(agent.status()).toMatchObject(kept), WAIT);
    const named = log.filter((each) => each.includes("an epoch that no bridge takes any more"));
    expect(named).toHaveLength(1);
    expect(JSON.parse(named[0] ?? "")).toMatchObject({ entries: 21, epoch: 1 });
  });

  test("whose keys the credential has no more, is kept as well, over a restart too", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    await bridge.stop();
    const first = await startAgent(field);
    await write(field, 0, 10);
    await vi.waitFor(() => expect(first.agent.status().taken).toBe(10), WAIT);
    await first.agent.stop();
    const next = await rotate(field);
    const { tenant } = next;
    const { epoch } = tenant.realm;
    // As after `rotate --compromised`: the mail has the newest epoch alone.
    bridge.mail = await next.mail({
      epochs: [{ epoch, parameters: tenant.parameters }],
      halves: [{ epoch, halves: next.client }],
    });
    bridge.retired.add(1);
    await bridge.start();
    for (const count of [10, 20]) {
      const { agent, log } = await startAgent(field);
      await vi.waitFor(() => expect(agent.status().epoch).toBe(2), WAIT);
      await write(field, count, count + 10);
      await vi.waitFor(() => expect(counts()).toEqual(range(10, count + 10)), WAIT);
      await vi.waitFor(
        () => expect(agent.status().outbox.older).toEqual({ waiting: 0, stranded: 11 }),
        WAIT,
      );
      expect(log.join("")).toContain("an epoch that no bridge takes any more");
      await agent.stop();
    }
    expect((await stored(field)).epochs).toHaveLength(1);
  });
});
