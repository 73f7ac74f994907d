/** What the consumer prints: read line by line, counted, and kept in a file. */
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { z } from "zod";
import type { Tally } from "./tally.ts";

const lineSchema = z.object({
  id: z.string(),
  topic: z.string(),
  producer: z.string(),
  time: z.number(),
  pack: z.array(
    z.looseObject({
      n: z.string().optional(),
      u: z.string().optional(),
      v: z.number().optional(),
      vs: z.string().optional(),
      vb: z.boolean().optional(),
    }),
  ),
  partition: z.number(),
  offset: z.number(),
});
export type Arrival = z.output<typeof lineSchema>;

/** Reads one line of a consumer's output. Throws where it is none. */
export function parseArrival(line: string): Arrival {
  return lineSchema.parse(JSON.parse(line));
}

/** Which reading of which simulated sensor a record carries. */
export function readingOf({ pack }: Arrival): { sensor: string; count: number } {
  const value = (name: string) => pack.find(({ n }) => n === name);
  return { sensor: value("sensor")?.vs ?? "", count: value("count")?.v ?? 0 };
}

/** Reads `stdout` to its end; each line is tallied and written to `file`. */
export async function followArrivals(
  stdout: Readable,
  options: { file: string; tally: Tally; onArrival: (arrival: Arrival) => void },
): Promise<void> {
  const copy = createWriteStream(options.file);
  for await (const line of createInterface({ input: stdout })) {
    copy.write(`${line}\n`);
    const arrival = parseArrival(line);
    const { sensor, count } = readingOf(arrival);
    options.tally.arrived(sensor, count);
    options.onArrival(arrival);
  }
  copy.end();
  await finished(copy);
}
