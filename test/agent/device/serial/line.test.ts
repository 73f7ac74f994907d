import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { LineFramer } from "../../../../agent/device/framing/lines.ts";
import {
  type LineState,
  SerialLine,
  type SerialLineOptions,
} from "../../../../agent/device/serial/line.ts";
import { listen } from "../../../../agent/device/serial/listen.ts";
import { TURN_MS } from "../../../../core/ports/serial/serial.ts";
import { serialSettings } from "../../../../core/ports/serial/settings.ts";
import { openPty, type Pty } from "../../../../demo/pty/pty.ts";
import { testFolder } from "../../../support/folder.ts";

interface Ear {
  readonly line: SerialLine;
  readonly framer: LineFramer;
  readonly heard: string[];
  readonly states: string[];
}

/** A line that listens at `path`. */
function hear(path: string, options: Partial<SerialLineOptions> = {}): Ear {
  const framer = new LineFramer();
  const heard: string[] = [];
  const states: string[] = [];
  const onFrames = async (frames: readonly { bytes: Buffer }[]): Promise<void> => {
    heard.push(...frames.map(({ bytes }) => bytes.toString()));
  };
  const line = new SerialLine({
    path,
    settings: serialSettings.parse({ baudRate: 115_200 }),
    serve: listen({ framer, onFrames }),
    onState: (state: LineState) =>
      states.push(state.state === "open" ? "open" : `lost ${state.error.code}`),
    retry: { minMs: 20, maxMs: 100 },
    ...options,
  });
  line.start();
  onTestFinished(() => line.stop());
  return { line, framer, heard, states };
}

async function plugIn(link: string): Promise<Pty> {
  const pty = await openPty({ link });
  onTestFinished(() => pty.close());
  return pty;
}

describe("SerialLine", () => {
  test("waits for a port that is not there yet, and is told so once", async () => {
    const link = join(await testFolder(), "port");
    const { heard, states } = hear(link);
    await sleep(500);
    expect(states).toEqual(["lost UNAVAILABLE"]);
    const pty = await plugIn(link);
    await expect.poll(() => states).toEqual(["lost UNAVAILABLE", "open"]);
    await pty.write("one\ntwo\n");
    await expect.poll(() => heard).toEqual(["one", "two"]);
  });

  test("goes on after an unplug in traffic, with nothing of the line that was cut", async () => {
    const link = join(await testFolder(), "port");
    const first = await plugIn(link);
    const { heard, states, framer } = hear(link);
    await expect.poll(() => states).toEqual(["open"]);
    await first.write("whole\ncut o");
    await expect.poll(() => heard).toEqual(["whole"]);
    await sleep(50);
    await first.close();
    await expect.poll(() => states[1]).toBe("lost DISCONNECTED");
    const second = await plugIn(link);
    await expect.poll(() => states.at(-1)).toBe("open");
    await second.write("ff\nagain\n");
    await expect.poll(() => heard).toEqual(["whole", "ff", "again"]);
    expect(framer.dropped).toEqual({ frames: 1, bytes: 5 });
  });

  test("survives ten unplugs under traffic: what it hears is whole, once and in order", async () => {
    const link = join(await testFolder(), "port");
    const { heard, states } = hear(link);
    let number = 0;
    for (let plug = 0; plug < 10; plug++) {
      const pty = await plugIn(link);
      const before = heard.length;
      const traffic = (async () => {
        for (;;) await pty.write(`\nreading ${++number}\n`);
      })().catch(() => undefined);
      await expect.poll(() => heard.length).toBeGreaterThan(before + 20);
      await pty.close();
      await traffic;
      await expect.poll(() => states.at(-1)).toMatch("lost");
    }
    // Opening flushes: only the first line of a connection may lack its beginning. None is repeated.
    const whole = heard.filter((line) => /^reading \d+$/.test(line));
    expect(heard.length - whole.length).toBeLessThanOrEqual(10);
    const numbers = whole.map((line) => Number(line.slice("reading ".length)));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  test("does not spin while the port is away, held by another, or failing", async () => {
    const link = join(await testFolder(), "port");
    await plugIn(link);
    const served: number[] = [];
    const { states } = hear(link, {
      serve: async () => {
        served.push(performance.now());
        throw new Error("cannot serve");
      },
    });
    const other = hear(link);
    const away = hear(`${link}-none`);
    await sleep(100);
    const before = process.cpuUsage();
    await sleep(1000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(500);
    expect(served.length).toBeLessThan(60);
    expect(states.slice(0, 2)).toEqual(["open", "lost INTERNAL"]);
    expect(other.states.length + away.states.length).toBeGreaterThan(1);
  });

  test("who cannot keep up slows the line; nothing is lost", async () => {
    const link = join(await testFolder(), "port");
    const pty = await plugIn(link);
    const heard: string[] = [];
    const framer = new LineFramer();
    const { states } = hear(link, {
      serve: listen({
        framer,
        onFrames: async (frames) => {
          await sleep(5);
          heard.push(...frames.map(({ bytes }) => bytes.toString()));
        },
      }),
    });
    // Opening flushes what came before it.
    await expect.poll(() => states).toEqual(["open"]);
    const sent = Array.from({ length: 20_000 }, (_, i) => `reading ${i}`);
    await pty.write(`${sent.join("\n")}\n`);
    // Each chunk rests for 5 ms, and for longer on a machine that does other things.
    await expect.poll(() => heard.length, { timeout: 60_000 }).toBe(sent.length);
    expect(heard).toEqual(sent);
  });

  test("hangs, as its pulse says, while nobody takes what was read, whatever timers run", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const link = join(await testFolder(), "port");
    const pty = await plugIn(link);
    let goOn: () => void = () => undefined;
    const hanging = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const serve = listen({ framer: new LineFramer(), onFrames: () => hanging });
    const { line, states } = hear(link, { serve });
    // Before `hear` has it stopped.
    onTestFinished(() => goOn());
    await expect.poll(() => states).toEqual(["open"]);
    expect(line.pulse.isAlive).toBe(true);
    const writing = pty.write("reading\n".repeat(50_000));
    await expect
      .poll(() => {
        vi.advanceTimersByTime(TURN_MS);
        return line.pulse.isAlive;
      })
      .toBe(false);
    goOn();
    await writing;
    await expect.poll(() => line.pulse.isAlive).toBe(true);
  });

  test("stop ends it, open or waiting", async () => {
    const link = join(await testFolder(), "port");
    await plugIn(link);
    const open = hear(link);
    await expect.poll(() => open.states).toEqual(["open"]);
    await open.line.stop();
    const waiting = hear(`${link}-none`, { retry: { minMs: 60_000, maxMs: 60_000 } });
    await expect.poll(() => waiting.states).toHaveLength(1);
    await waiting.line.stop();
    expect(open.states).toEqual(["open"]);
  });
});
