import { createServer } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Decision, Publish } from "../../../support/field-bridge.ts";
import { readings, startRig } from "./rig.ts";

const TOPIC = "north/climate";
const OTHER = "south/climate";
const WAIT = { timeout: 30_000, interval: 10 };
const FRACTION_OF_A_TURN_MS = 20_000;

describe("the ordinary way", () => {
  test("what waits and what comes arrives once and in order, and leaves the outbox", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    await take(TOPIC, ...readings(150, "early"));
    uplink.start();
    await vi.waitFor(() => expect(bridge.arrivals.length).toBe(150), WAIT);
    await take(TOPIC, ...readings(50, "late"));
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual([...readings(150, "early"), ...readings(50, "late")]);
    expect(bridge.arrivals.length).toBe(200);
    expect(bridge.violations).toEqual([]);
    expect(uplink.acknowledged).toBe(200);
    expect(uplink.state).toBe("connected");
  });

  test("no record of a kid leaves before its announcement's PUBACK, however wide the window is", async () => {
    const { bridge, uplink, take } = await startRig();
    await take(TOPIC, ...readings(50, "old"));
    uplink.start();
    await vi.waitFor(() => expect(bridge.read(TOPIC).length).toBe(50), WAIT);
    let release: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => {
      release = resolve;
    });
    bridge.decide = async ({ kind }): Promise<Decision> => {
      if (kind === "key") await answered;
      return "take";
    };
    await bridge.push({ alias: 1, status: "rekey" });
    await vi.waitFor(async () => {
      await take(TOPIC, "x");
      expect(kinds(bridge.publishes).filter((kind) => kind === "key").length).toBe(2);
    }, WAIT);
    const before = bridge.publishes.length;
    await take(TOPIC, ...readings(5, "new"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(uplink.window).toBeGreaterThan(10);
    expect(bridge.publishes.length).toBe(before);
    release();
    await vi.waitFor(() => expect(bridge.read(TOPIC).slice(-5)).toEqual(readings(5, "new")), WAIT);
    expect(bridge.violations).toEqual([]);
  });

  test("the window is 1 after connecting and grows with the PUBACKs to 100", async () => {
    const { bridge, uplink, take } = await startRig();
    let held = 0;
    let mayGo: (() => void)[] = [];
    bridge.decide = async ({ kind }): Promise<Decision> => {
      if (kind !== "rec") return "take";
      held++;
      await new Promise<void>((resolve) => mayGo.push(resolve));
      return "take";
    };
    await take(TOPIC, ...readings(400));
    uplink.start();
    // The announcement's PUBACK has made it 2.
    await vi.waitFor(() => expect(mayGo.length).toBe(2), WAIT);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(held).toBe(2);
    for (const expected of [4, 8, 16, 32, 64, 100, 100]) {
      for (const go of mayGo.splice(0)) go();
      await vi.waitFor(() => expect(mayGo.length).toBe(expected), WAIT);
    }
    expect(uplink.window).toBe(100);
    bridge.decide = () => "take";
    const last = mayGo;
    mayGo = [];
    for (const go of last) go();
    await vi.waitFor(() => expect(bridge.read(TOPIC).length).toBe(400), WAIT);
  });

  test("hangs, as its pulse says, while the outbox does not answer, whatever timers run", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const { outbox, uplink, take } = await startRig();
    const next = outbox.next.bind(outbox);
    let answer: (() => void) | undefined;
    vi.spyOn(outbox, "next").mockImplementation(async (...asked) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return next(...asked);
    });
    // Before the rig stops the uplink, which waits for it.
    onTestFinished(() => answer?.());
    await take(TOPIC, "one");
    uplink.start();
    await vi.waitFor(() => expect(answer).toBeDefined(), WAIT);
    expect(uplink.pulse.isAlive).toBe(true);
    await expect
      .poll(() => {
        vi.advanceTimersByTime(FRACTION_OF_A_TURN_MS);
        return uplink.pulse.isAlive;
      })
      .toBe(false);
    vi.mocked(outbox.next).mockRestore();
    answer?.();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(uplink.pulse.isAlive).toBe(true);
  });

  test("a stop waits for the PUBACKs of what is in flight", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    bridge.decide = async ({ kind }): Promise<Decision> => {
      if (kind === "rec") await new Promise((resolve) => setTimeout(resolve, 100));
      return "take";
    };
    await take(TOPIC, "only");
    uplink.start();
    await vi.waitFor(() => expect(kinds(bridge.publishes)).toContain("rec"), WAIT);
    await uplink.stop();
    expect(outbox.depth).toBe(0);
  });

  test("entries of a topic that is no longer configured are sent too", async () => {
    const { bridge, outbox, uplink, take } = await startRig({
      topics: [TOPIC, OTHER],
      configured: [TOPIC],
    });
    await take(OTHER, "left over");
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(OTHER)).toEqual(["left over"]);
  });
});

describe("connections that end", () => {
  test("at random, without PUBACK: everything arrives once and in order", async () => {
    const { bridge, outbox, uplink, take } = await startRig({ topics: [TOPIC, OTHER] });
    let n = 0;
    // Taken but never acknowledged, dropped unread, cut in the middle: all of them, again and again.
    bridge.decide = () => {
      n++;
      if (n % 17 === 0) setTimeout(() => bridge.cut(), 1);
      return n % 23 === 0 ? "drop" : "take";
    };
    uplink.start();
    for (let i = 0; i < 30; i++) {
      await take(TOPIC, ...readings(10, `a${i}`));
      await take(OTHER, ...readings(3, `b${i}`));
    }
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    const batches = Array.from({ length: 30 }, (_, i) => i);
    expect(bridge.read(TOPIC)).toEqual(batches.flatMap((i) => readings(10, `a${i}`)));
    expect(bridge.read(OTHER)).toEqual(batches.flatMap((i) => readings(3, `b${i}`)));
    expect(bridge.connects).toBeGreaterThan(5);
    expect(bridge.violations).toEqual([]);
  });

  test("a bridge that is away and comes back", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    await bridge.stop();
    await take(TOPIC, ...readings(10));
    uplink.start();
    await vi.waitFor(() => expect(uplink.lastError?.code).toBe("UNAVAILABLE"), WAIT);
    expect(outbox.depth).toBe(11);
    await bridge.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual(readings(10));
    expect(uplink.lastError).toBeUndefined();
  });

  test("the next bridge of the list, where the first cannot be reached", async () => {
    const { outbox, uplink, take } = await startRig({
      urls: (port) => ["mqtt://127.0.0.1:1", `mqtt://127.0.0.1:${port}`],
    });
    await take(TOPIC, "one");
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
  });

  test("always at the same entry: its topic is left alone, the others go on", async () => {
    const { bridge, outbox, uplink, take, log } = await startRig({ topics: [TOPIC, OTHER] });
    let poisoned = true;
    bridge.decide = ({ kind, topic }) =>
      poisoned && kind === "key" && topic === TOPIC ? "drop" : "take";
    await take(TOPIC, ...readings(3, "stuck"));
    await take(OTHER, ...readings(3, "free"));
    uplink.start();
    await vi.waitFor(() => expect(bridge.read(OTHER)).toEqual(readings(3, "free")), WAIT);
    await vi.waitFor(() => expect(log.join("")).toContain("keep ending at the same entry"), WAIT);
    await vi.waitFor(() => expect(outbox.depth).toBe(4), WAIT);
    expect(outbox.rejectedRecords).toBe(0);
    poisoned = false;
    await vi.waitFor(() => expect(bridge.read(TOPIC)).toEqual(readings(3, "stuck")), WAIT);
  });
});

describe("refusals", () => {
  test("a record refused for good goes to rejected/, and the rest goes on in order", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    bridge.decide = ({ kind, alias, kid = "", seq }) =>
      kind === "rec" && seq === 4n ? { refuse: refusal(alias, kid, seq) } : "take";
    await take(TOPIC, ...readings(10));
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual(readings(10).filter((text) => text !== "r-4"));
    expect(outbox.rejectedRecords).toBe(1);
  });

  test("a refused alias waits in the outbox and is asked for again; other topics go on", async () => {
    const { bridge, outbox, uplink, take } = await startRig({ topics: [TOPIC, OTHER] });
    let granted = false;
    bridge.decide = ({ kind, alias }) =>
      kind === "reg" && alias === 1 && !granted
        ? { refuse: { alias, status: "refused", code: "NO_GRANT", message: "no grant" } }
        : "take";
    await take(TOPIC, ...readings(3));
    await take(OTHER, ...readings(3));
    uplink.start();
    await vi.waitFor(() => expect(bridge.read(OTHER)).toEqual(readings(3)), WAIT);
    await vi.waitFor(() => expect(outbox.depth).toBe(4), WAIT);
    expect(bridge.connects).toBe(1);
    granted = true;
    await vi.waitFor(() => expect(bridge.read(TOPIC)).toEqual(readings(3)), WAIT);
    expect(outbox.rejectedRecords).toBe(0);
    expect(bridge.connects).toBe(1);
  });

  test("an alias that is refused while records are in flight holds nobody up", async () => {
    const { bridge, outbox, uplink, take } = await startRig({ topics: [TOPIC, OTHER] });
    let once = true;
    bridge.decide = async ({ kind, alias }): Promise<Decision> => {
      if (kind !== "rec" || alias !== 1 || !once) return "take";
      once = false;
      await bridge.push({ alias, status: "refused", code: "NO_GRANT", message: "withdrawn" });
      return "hold";
    };
    await take(TOPIC, ...readings(3));
    await take(OTHER, ...readings(3));
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual(readings(3));
    expect(outbox.rejectedRecords).toBe(0);
  });

  test("without an answer the alias is registered again", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    let silent = true;
    bridge.decide = async ({ kind, alias }): Promise<Decision> => {
      if (kind !== "reg" || !silent) return "take";
      silent = false;
      // Read, and no answer: what a bridge does whose answer is lost on the way.
      return { refuse: { alias: alias + 1, status: "ok" } };
    };
    await take(TOPIC, "one");
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(kinds(bridge.publishes).filter((kind) => kind === "reg").length).toBe(2);
    expect(bridge.connects).toBe(1);
  });

  test("a refused announcement takes its records with it, and a new kid begins", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    let refused = "";
    bridge.decide = ({ kind, alias, kid = "" }) => {
      if (kind !== "key" || (refused !== "" && refused !== kid)) return "take";
      refused = kid;
      return {
        refuse: { alias, status: "refused", code: "BAD_RECORD", message: "wrong signature" },
      };
    };
    await take(TOPIC, ...readings(3, "lost"));
    uplink.start();
    await vi.waitFor(() => expect(outbox.rejectedRecords).toBe(4), WAIT);
    await take(TOPIC, ...readings(3, "good"));
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual(readings(3, "good"));
    expect(bridge.announced).not.toContain(refused);
  });

  test("LIMIT: the topic is asked for again after a while, and nothing is rejected", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    let limited = 3;
    bridge.decide = ({ kind, alias, kid = "", seq = 0n }) => {
      if (kind !== "rec" || limited === 0) return "take";
      limited--;
      return { refuse: { ...refusal(alias, kid, seq), code: "LIMIT" } };
    };
    await take(TOPIC, ...readings(3));
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(bridge.read(TOPIC)).toEqual(readings(3));
    expect(outbox.rejectedRecords).toBe(0);
  });

  test("rekey: the next reading begins a new kid", async () => {
    const { bridge, outbox, uplink, take } = await startRig();
    await take(TOPIC, "before");
    uplink.start();
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    await bridge.push({ alias: 1, status: "rekey" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await take(TOPIC, "after");
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(new Set(bridge.arrivals.map(({ kid }) => kid)).size).toBe(2);
    expect(bridge.read(TOPIC)).toEqual(["before", "after"]);
  });
});

describe("a client that the bridge does not want", () => {
  test("a wrong password is told apart from a bridge that is away, and said with a hint", async () => {
    const { outbox, uplink, take, log } = await startRig({ secret: Buffer.alloc(32) });
    await take(TOPIC, "one");
    uplink.start();
    await vi.waitFor(() => expect(uplink.state).toBe("refused"), WAIT);
    expect(uplink.lastError?.code).toBe("AUTH");
    expect(log.join("")).toContain("newest credential");
    expect(outbox.depth).toBe(2);
  });

  test("revoked: said so, nothing lost, and sent after it is enrolled again", async () => {
    const { bridge, outbox, uplink, take, revoked } = await startRig();
    await take(TOPIC, "one");
    bridge.login = "notAuthorized";
    uplink.start();
    await vi.waitFor(() => expect(uplink.state).toBe("revoked"), WAIT);
    expect(revoked()).toBe(true);
    expect(outbox.depth).toBe(2);
    bridge.login = "ok";
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
    expect(revoked()).toBe(false);
  });

  test("revoked in the middle of a connection: no record is rejected", async () => {
    const { bridge, outbox, uplink, take, revoked } = await startRig();
    let isRevoked = true;
    bridge.decide = ({ kind, alias, kid = "", seq = 0n }) =>
      kind === "rec" && isRevoked
        ? { refuse: { ...refusal(alias, kid, seq), code: "REVOKED" } }
        : "take";
    await take(TOPIC, "one");
    uplink.start();
    await vi.waitFor(() => expect(revoked()).toBe(true), WAIT);
    expect(outbox.rejectedRecords).toBe(0);
    isRevoked = false;
    await vi.waitFor(() => expect(outbox.depth).toBe(0), WAIT);
  });
});

test("a server that never answers does not hold the stop up", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void silent.close());
  const address = silent.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const { uplink } = await startRig({ urls: () => [`mqtt://127.0.0.1:${port}`] });
  uplink.start();
  await vi.waitFor(() => expect(uplink.state).toBe("connecting"), WAIT);
  const startedMs = performance.now();
  await uplink.stop();
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

function kinds(publishes: readonly Publish[]): string[] {
  return publishes.map(({ kind }) => kind);
}

function refusal(alias: number, kid: string, seq: bigint) {
  return {
    alias,
    kid: Buffer.from(kid, "hex").toString("base64url"),
    seq: seq.toString(),
    status: "refused",
    code: "BAD_RECORD",
    message: "refused by the test",
  } as const;
}
