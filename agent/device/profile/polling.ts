/** How a device is asked that does not speak by itself. */
import { z } from "zod";
import { hexField } from "../framing/hex.ts";
import type { ModbusFraming } from "../framing/modbus.ts";
import { decodeRegisters, encodeRead, encodeWrite } from "../framing/modbus-message.ts";

const requestField = z.union([
  z.strictObject({ hex: hexField }).transform(({ hex }) => hex),
  z
    .strictObject({ text: z.string().min(1).max(256) })
    .transform(({ text }) => Buffer.from(text, "utf8")),
]);

export const pollingSchema = z
  .strictObject({
    intervalMs: z
      .int()
      .min(10)
      .max(86_400_000)
      .meta({ description: "From the start of one round of requests to the next" }),
    timeoutMs: z
      .int()
      .min(1)
      .max(60_000)
      .default(1000)
      .meta({ description: "How long an answer is waited for" }),
    requests: z.array(requestField).max(32).default([]).meta({
      description:
        'What is sent, one after the other, each answered by a frame: { hex: "ff 01" } or { text: "READ\\r\\n" }. Modbus makes its own',
    }),
    start: z
      .array(requestField)
      .max(32)
      .default([])
      .meta({ description: "What is sent once on every new connection" }),
  })
  .meta({ description: "For a device that speaks only when it is asked" });
export type Polling = z.output<typeof pollingSchema>;

/** One request of a round. */
export interface Poll {
  readonly request: Buffer;
  /** Whether it is its turn, by the frames that this round has brought so far. */
  readonly isDue: (frames: readonly Buffer[]) => boolean;
}

/** What is sent on a new connection, and in every round. */
export function pollsOf(
  polling: Polling,
  framing: ModbusFraming | { readonly type: string },
): { start: Buffer[]; round: Poll[] } {
  if (!("reads" in framing))
    return {
      start: polling.start,
      round: polling.requests.map((request) => ({ request, isDue: () => true })),
    };
  const { unit, reads, writes } = framing;
  return {
    start: writes.map(({ register, value }) => encodeWrite(unit, register, value)),
    round: reads.map(({ when, ...range }) => ({
      request: encodeRead(unit, range),
      isDue: (frames) =>
        when === undefined || frames.some((frame) => registerIs(frame, when.register, when.is)),
    })),
  };
}

function registerIs(frame: Buffer, register: number, value: number): boolean {
  const { first, content } = decodeRegisters(frame);
  const at = (register - first) * 2;
  return at >= 0 && at + 2 <= content.length && content.readUInt16BE(at) === value;
}
