import { afterEach, describe, expect, test, vi } from "vitest";
import { FixedFramer } from "../../../../agent/device/framing/fixed.ts";
import { poll } from "../../../../agent/device/serial/poll.ts";
import type { SerialConnection } from "../../../../core/ports/serial/serial.ts";
import { heldBy } from "../../../support/held-by.ts";

const TIMEOUT_MS = 12_345;

/** No time passes here: an answer's time is waited for until it is ended, all other pauses are over at once. */
vi.mock("../../../../core/runtime/backoff.ts", () => ({
  pause: async (ms: number, signal: AbortSignal): Promise<boolean> => {
    if (ms !== TIMEOUT_MS || signal.aborted) return true;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    return false;
  },
}));

const ANSWER = Buffer.from("aa01", "hex");
const REQUEST = Buffer.from("ff", "hex");

/** A device that answers at once, and hangs up after so many answers. */
function device(exchanges: number, onLast: () => void): SerialConnection {
  const answers: Buffer[] = [];
  let asked = 0;
  let wake = (): void => undefined;
  return {
    path: "device",
    closed: Promise.resolve(null),
    bytes: (async function* () {
      for (let given = 0; given < exchanges; given++) {
        while (answers.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        answers.pop();
        if (given === exchanges - 1) onLast();
        yield ANSWER;
      }
    })(),
    write: async () => {
      if (++asked <= exchanges) answers.push(ANSWER);
      setImmediate(() => wake());
    },
    close: async () => undefined,
  };
}

describe("poll", () => {
  const Real = globalThis.AbortController;
  afterEach(() => {
    globalThis.AbortController = Real;
  });

  test("50,000 exchanges leave nothing behind while the connection lasts", async () => {
    let first: AbortController | undefined;
    globalThis.AbortController = class extends Real {
      constructor() {
        super();
        first ??= this;
      }
    };
    let held = Number.NaN;
    let frames = 0;
    const connection = device(50_000, () => {
      held = first ? heldBy(first.signal) : Number.NaN;
    });
    await poll({
      framer: new FixedFramer({ header: ANSWER, length: ANSWER.length }),
      start: [],
      round: [{ request: REQUEST, isDue: () => true }],
      intervalMs: 0,
      timeoutMs: TIMEOUT_MS,
      onFrames: async ({ length }) => {
        frames += length;
      },
    })(connection);
    expect(frames).toBe(50_000);
    expect(held).toBeLessThan(10);
  });
});
