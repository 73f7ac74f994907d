import { expect, onTestFinished, test, vi } from "vitest";
import { AboveStatusLine, StatusLine } from "../../cli/status-line.ts";

test("the status line says how far it is, and makes room for what is printed above it", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  let shown = "";
  const stream = { write: (text: string) => (shown += text) };
  let readings = 0;
  const status = new StatusLine({
    stream,
    describe: () => ({ readings, rejects: readings > 100 ? 2 : 0 }),
    positions: () => ({ offset: BigInt(readings), lag: 7n }),
  });
  const lines = new AboveStatusLine(
    {
      open: async () => undefined,
      write: async (text) => void stream.write(text),
      flush: async () => null,
      close: async () => undefined,
    },
    () => status,
  );
  status.start();
  await lines.write("first\n");
  expect(shown).toBe("first\n");
  for (; readings < 150; readings += 50) await vi.advanceTimersByTimeAsync(1000);
  const [last] = shown.split("\r\x1b[K").slice(-1);
  expect(last).toBe("100 readings  50.0/s  lag 7  offset 100");
  shown = "";
  await vi.advanceTimersByTimeAsync(1000);
  expect(shown).toBe("\r\x1b[K150 readings  50.0/s  lag 7  offset 150  2 rejected");
  shown = "";
  await lines.write("second\n");
  expect(shown.startsWith("\r\x1b[Ksecond\n\r\x1b[K150 readings")).toBe(true);
  shown = "";
  status.stop();
  await lines.write("third\n");
  expect(shown).toBe("\r\x1b[Kthird\n");
});
