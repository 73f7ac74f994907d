/** Turns a capture of bytes into readings for `veilmq agent decode`. */
import { createReadStream } from "node:fs";
import { resolve } from "node:path";
import type { Drop, Frame } from "../agent/device/framing/framer.ts";
import { decoderOf, framerOf, loadProfile } from "../agent/device/profile/profile.ts";
import { cannotRead } from "../core/runtime/why-not.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printHint, printLineInTurn, printNote } from "./messages.ts";

const STDIN = "-";

/** What became of the bytes. */
interface Counts {
  readings: number;
  /** Valid frames with nothing to tell, such as a position before there is a fix. */
  empty: number;
  discards: number;
  discardedBytes: number;
}

/** A pack a line on stdout, what was discarded on stderr; what the process should end with. */
export async function decodeCapture(profileName: string, file: string): Promise<ExitCode> {
  const profile = await loadProfile(profileName);
  const decode = decoderOf(profile);
  const counts: Counts = { readings: 0, empty: 0, discards: 0, discardedBytes: 0 };
  const discard = ({ offset, bytes, reason }: Omit<Drop, "reason"> & { reason: string }): void => {
    counts.discards++;
    counts.discardedBytes += bytes;
    printNote(`discarded ${bytes} byte(s) at offset ${offset}: ${reason}`);
  };
  const framer = framerOf(profile, discard);
  let isRead = true;
  const take = async (frames: readonly Frame[]): Promise<void> => {
    const lines: string[] = [];
    for (const { bytes, offset, size } of frames) {
      const pack = decode(bytes);
      if (pack === null) discard({ offset, bytes: size, reason: "a frame that is no reading" });
      else if (pack.length === 0) counts.empty++;
      else {
        counts.readings++;
        lines.push(JSON.stringify({ pack }));
      }
    }
    if (lines.length > 0) isRead &&= await printLineInTurn(lines.join("\n"));
  };
  for await (const chunk of bytesOf(file)) {
    await take(framer.push(chunk));
    if (!isRead) return EXIT.OK;
  }
  await take(framer.flush());
  return report(counts);
}

/** Throws CONFIG where there is no such file, or none that can be read. */
async function* bytesOf(file: string): AsyncIterable<Buffer> {
  try {
    yield* file === STDIN ? process.stdin : createReadStream(resolve(file));
  } catch (cause) {
    throw cannotRead(file, cause, {
      code: "CONFIG",
      hint: "a capture is a file of bytes, as `veilmq agent capture` writes it; - is stdin",
    });
  }
}

function report({ readings, empty, discards, discardedBytes }: Counts): ExitCode {
  const without = empty > 0 ? `, ${empty} frame(s) with nothing to tell` : "";
  printNote(
    `${readings} reading(s)${without}; discarded ${discardedBytes} byte(s) in ${discards} place(s)`,
  );
  if (readings + empty > 0) return EXIT.OK;
  printHint("is it the right profile? `veilmq agent sniff` guesses it from the port itself");
  return EXIT.ERROR;
}
