/** A serial line, the agent, a bridge: everything between the sensor's bytes and what a consumer would read. */
import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { askLocal } from "../../core/runtime/local-http.ts";
import { openPty } from "../../demo/pty/pty.ts";
import { ask, line, makeField, range, spawnAgent, startAgent, WAIT } from "./field.ts";

describe("in one process", () => {
  test("everything that the line says arrives once and in order, whatever the bridge does", async () => {
    const field = await makeField();
    const { bridge, counts } = field;
    const [pty] = field.ptys;
    const { agent, log } = await startAgent(field);
    let n = 0;
    bridge.decide = () => {
      n++;
      if (n % 41 === 0) setTimeout(() => bridge.cut(), 1);
      return n % 57 === 0 ? "drop" : "take";
    };
    for (const count of range(0, 400)) {
      // Cut anywhere: a frame does not care.
      const bytes = Buffer.from(line(count));
      await pty?.write(bytes.subarray(0, count % 9));
      await pty?.write(bytes.subarray(count % 9));
      if (count === 150) {
        await bridge.stop();
        setTimeout(() => void bridge.start(), 200);
      }
      if (count % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await vi.waitFor(() => expect(agent.status().taken).toBe(400), WAIT);
    await vi.waitFor(() => expect(agent.status().pending).toBe(0), WAIT);
    expect(counts()).toEqual(range(0, 400));
    bridge.decide = () => "take";
    await vi.waitFor(async () => {
      await bridge.push({ alias: 1, status: "rekey" });
      expect(log.join("")).toContain("asks for a new key");
    }, WAIT);
    await pty?.write(range(400, 420).map(line).join(""));
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 420)), WAIT);
    expect(bridge.violations).toEqual([]);
    expect(bridge.connects).toBeGreaterThan(3);
    expect(new Set(bridge.announced).size).toBe(2);
  });

  test("a refused record is kept apart, a refused topic waits: the rest goes on", async () => {
    const field = await makeField({ signs: true });
    const { bridge, counts, ptys } = field;
    let granted = false;
    bridge.decide = ({ kind, alias, kid = "", seq = 0n }) => {
      const refused = { alias, status: "refused", message: "by the test" } as const;
      if (kind === "reg" && !granted) return { refuse: { ...refused, code: "NO_GRANT" } };
      if (kind !== "rec" || seq !== 5n) return "take";
      const id = { kid: Buffer.from(kid, "hex").toString("base64url"), seq: seq.toString() };
      return { refuse: { ...refused, ...id, code: "BAD_RECORD" } };
    };
    const { agent } = await startAgent(field);
    await ptys[0]?.write(range(0, 10).map(line).join(""));
    await vi.waitFor(() => expect(agent.status().taken).toBe(10), WAIT);
    expect(agent.status().pending).toBe(11);
    granted = true;
    await vi.waitFor(() => expect(agent.status().pending).toBe(0), WAIT);
    expect(counts()).toEqual(range(0, 10).filter((count) => count !== 5));
    expect(agent.status().rejected).toBe(1);
  });

  test("two ports on one topic share a key, so that neither makes the other a repeat", async () => {
    const field = await makeField({ lines: 2 });
    const { agent } = await startAgent(field);
    for (const count of range(0, 50))
      for (const [i, pty] of field.ptys.entries()) await pty.write(line(1000 * i + count));
    await vi.waitFor(() => expect(agent.status().taken).toBe(100), WAIT);
    await vi.waitFor(() => expect(agent.status().pending).toBe(0), WAIT);
    const read = field.counts();
    expect(read.filter((count) => count < 1000)).toEqual(range(0, 50));
    expect(read.filter((count) => count >= 1000)).toEqual(range(1000, 1050));
    expect(field.bridge.announced.length).toBe(1);
  });

  test("log, status and metrics tell what there is to tell, and no topic or reading", async () => {
    const field = await makeField();
    const { agent, log } = await startAgent(field);
    await field.ptys[0]?.write(`${line(1)}this is no JSON\n${line(2)}`);
    await vi.waitFor(() => expect(agent.status().acknowledged).toBe(2), WAIT);
    const status = await ask(field);
    // The second record of its kid, as a consumer would call it.
    const NEWEST = expect.stringMatching(/^[\w-]{22}:1$/);
    expect(status).toMatchObject({
      tenant: "field",
      client: "probe-1",
      ports: [
        { index: 0, profile: "json-lines", state: "open", frames: 3, invalid: 1, newest: NEWEST },
      ],
      taken: 2,
      acknowledged: 2,
      pending: 0,
      rejected: 0,
      uplink: { state: "connected" },
    });
    const metrics = await askLocal(field.socket, "/metrics");
    expect(metrics).toContain("veilmq_agent_readings_taken_total 2");
    expect(metrics).toContain('veilmq_agent_port_open{port="0"} 1');
    expect(JSON.parse(await askLocal(field.socket, "/healthz"))).toEqual({
      isAlive: true,
      loops: ["uplink", `port ${field.ptys[0]?.path}`].map((name) => ({ name, isAlive: true })),
    });
    const told = [...log, metrics, JSON.stringify(status)].join("");
    expect(told).toContain("connected to a bridge");
    expect(told).not.toMatch(/canary/);
    expect((await stat(field.socket)).mode & 0o777).toBe(0o600);
  });

  test("an unplugged line comes back, and nothing of what was taken is lost", async () => {
    const field = await makeField();
    const { agent } = await startAgent(field);
    const [pty] = field.ptys;
    await pty?.write(range(0, 20).map(line).join(""));
    await vi.waitFor(() => expect(agent.status().taken).toBe(20), WAIT);
    await pty?.close();
    await vi.waitFor(() => expect(agent.status().ports[0]?.state).toBe("lost"), WAIT);
    const again = await openPty(pty ? { link: pty.path } : {});
    onTestFinished(() => again.close());
    await vi.waitFor(() => expect(agent.status().ports[0]?.state).toBe("open"), WAIT);
    await again.write(range(20, 40).map(line).join(""));
    await vi.waitFor(() => expect(field.counts()).toEqual(range(0, 40)), WAIT);
  });
});

describe("in a process of its own", () => {
  test("kill -9 with everything unsent: after the restart the old records come first, under their kid", async () => {
    const field = await makeField();
    const { bridge, counts, ptys } = field;
    bridge.decide = ({ kind }) => (kind === "reg" ? "take" : "hold");
    const first = await spawnAgent(field);
    await ptys[0]?.write(range(0, 50).map(line).join(""));
    await vi.waitFor(async () => expect((await ask(field)).taken).toBe(50), WAIT);
    first.kill("SIGKILL");
    await once(first, "exit");
    bridge.decide = () => "take";
    const second = await spawnAgent(field);
    await ptys[0]?.write(range(50, 80).map(line).join(""));
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 80)), WAIT);
    expect(new Set(bridge.arrivals.map(({ kid }) => kid)).size).toBe(2);
    expect(bridge.violations).toEqual([]);
    second.kill("SIGTERM");
    expect(await once(second, "exit")).toEqual([0, null]);
  });

  test("kill -9 in the middle of traffic, again and again: what was taken arrives, once, in order", async () => {
    const field = await makeField();
    const { counts, ptys } = field;
    let written = 0;
    let taken = 0;
    for (let round = 0; round < 3; round++) {
      const child = await spawnAgent(field);
      for (let i = 0; i < 60; i++) {
        await ptys[0]?.write(line(written++));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      taken += await vi.waitFor(async () => {
        const status = await ask(field);
        expect(status.taken).toBeGreaterThan(20);
        return status.taken;
      }, WAIT);
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    const last = await spawnAgent(field);
    await vi.waitFor(async () => expect((await ask(field)).pending).toBe(0), WAIT);
    const read = counts();
    expect(read.length).toBeGreaterThanOrEqual(taken);
    expect(read).toEqual([...new Set(read)].sort((a, b) => a - b));
    last.kill("SIGTERM");
    expect(await once(last, "exit")).toEqual([0, null]);
  });

  test("SIGTERM: what was framed is sealed and on disk, and no name is on the disk with it", async () => {
    const field = await makeField();
    const { bridge, ptys } = field;
    await bridge.stop();
    const child = await spawnAgent(field);
    await ptys[0]?.write(range(0, 500).map(line).join(""));
    await vi.waitFor(async () => expect((await ask(field)).ports[0]?.frames).toBe(500), WAIT);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    const segment = await readFile(join(field.stateDir, "outbox", `${"1".padStart(20, "0")}.seg`));
    expect(segment.includes("canary")).toBe(false);
    await bridge.start();
    const again = await spawnAgent(field);
    await vi.waitFor(() => expect(field.counts()).toEqual(range(0, 500)), WAIT);
    again.kill("SIGTERM");
    await once(again, "exit");
  });
});
