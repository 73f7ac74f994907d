/** Looks at what a port says, and guesses its baud rate and profile, for `veilmq agent sniff`. */
import { readdir } from "node:fs/promises";
import { pollsOf } from "../agent/device/profile/polling.ts";
import { loadProfile, shippedProfiles } from "../agent/device/profile/profile.ts";
import { guessFixed, type Layout, yamlOf } from "../agent/device/sniffing/fixed.ts";
import { type Candidate, type Guess, guessProfile, share } from "../agent/device/sniffing/guess.ts";
import { hexDump } from "../agent/device/sniffing/hex-dump.ts";
import { hear } from "../agent/device/sniffing/listen.ts";
import { guessFraming } from "../agent/device/sniffing/plain.ts";
import { VeilError } from "../core/errors.ts";
import { serialSettings } from "../core/ports/serial/settings.ts";
import { shutdownSignal } from "../core/runtime/lifecycle.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printHint, printJson, printLine, printNote } from "./messages.ts";

/** The likely ones first: most sensors, boards, meters, then the rest. */
const BAUD_RATES = [9600, 115_200, 2400, 19_200, 4800, 38_400, 57_600, 230_400, 1200] as const;
const SHOWN_BYTES = 256;
/** From here on no better rate is looked for. */
const CLEAR_SHARE = 0.5;
const MS_PER_SECOND = 1000;
/** Beyond the time that a profile gives for an answer. */
const LATE_MS = 300;

export interface SniffOptions {
  readonly port: string;
  /** `auto`, or a number. */
  readonly baud: string;
  readonly seconds: number;
  readonly ask?: true;
  readonly json?: true;
}

interface Heard {
  readonly baudRate: number;
  readonly bytes: Buffer;
  readonly guess: (Guess & { readonly layout?: Layout }) | null;
}

/** What the process should end with: 1 where nothing was recognised. */
export async function sniff(options: SniffOptions): Promise<ExitCode> {
  const candidates = await shipped();
  const signal = shutdownSignal();
  const best =
    (await listenAt(options, candidates, signal)) ?? (await ask(options, candidates, signal));
  if (options.json) printJson(resultOf(best));
  else show(options, best);
  return best?.guess ? EXIT.OK : EXIT.ERROR;
}

async function shipped(): Promise<Candidate[]> {
  const names = (await readdir(shippedProfiles()))
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length));
  return Promise.all(names.map(async (name) => ({ name, profile: await loadProfile(name) })));
}

function ratesOf(baud: string): readonly number[] {
  if (baud === "auto") return BAUD_RATES;
  const rate = serialSettings.shape.baudRate.safeParse(Number(baud));
  if (rate.success) return [rate.data];
  throw new VeilError("BAD_ARGUMENT", `--baud is a number or auto, not ${baud}`);
}

/** Listens at one rate after the other; null where the line is silent. */
async function listenAt(
  { port: path, baud, seconds }: SniffOptions,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Heard | null> {
  let best: Heard | null = null;
  for (const baudRate of ratesOf(baud)) {
    if (signal.aborted) break;
    printNote(`listening at ${baudRate} baud`);
    const settings = serialSettings.parse({ baudRate });
    const bytes = await hear({ path, settings, forMs: seconds * MS_PER_SECOND, signal });
    // It may only not have spoken yet.
    if (bytes.length === 0) continue;
    const heard = { baudRate, bytes, guess: guessOf(bytes, candidates) };
    if (sharePer(heard) > sharePer(best) || best === null) best = heard;
    if (sharePer(heard) >= CLEAR_SHARE) break;
  }
  return best;
}

/** What a profile makes of it; where none makes much, what it looks like. */
function guessOf(bytes: Buffer, candidates: readonly Candidate[]): Heard["guess"] {
  const isClear = (guess: Guess | null): boolean =>
    guess !== null && share(guess, bytes) >= CLEAR_SHARE;
  const read = guessProfile(bytes, candidates);
  if (isClear(read)) return read;
  const [plain, fixed] = [guessFraming(bytes), guessFixed(bytes)];
  // Its checksum says more than a look does; but that of Modbus is Modbus.
  const isModbus = isClear(plain) && plain?.framing === "modbus-rtu";
  if (fixed?.layout.checksum && !isModbus && fixed.bytes > (read?.bytes ?? 0)) return fixed;
  return isClear(plain) ? plain : (fixed ?? read);
}

function sharePer(heard: Heard | null): number {
  return heard?.guess ? share(heard.guess, heard.bytes) : 0;
}

/** Sends what the polled profiles send, each at its own rate; null where nothing answers. */
async function ask(
  { port: path, ask: mayAsk }: SniffOptions,
  candidates: readonly Candidate[],
  signal: AbortSignal,
): Promise<Heard | null> {
  if (!mayAsk) return null;
  for (const candidate of candidates) {
    const { polling, framing, serial } = candidate.profile;
    if (!polling || signal.aborted) continue;
    printNote(`asking as ${candidate.name} at ${serial.baudRate} baud`);
    const [first] = pollsOf(polling, framing).round;
    const requests = first ? [first.request] : [];
    const bytes = await hear({
      ...{ path, settings: serial, requests, signal },
      forMs: polling.timeoutMs + LATE_MS,
    });
    const guess = guessProfile(bytes, [candidate], requests);
    if (guess) return { baudRate: serial.baudRate, bytes, guess };
  }
  return null;
}

function resultOf(heard: Heard | null) {
  if (!heard) return { heard: 0 };
  const { baudRate, bytes, guess } = heard;
  const result = guess ? { ...guess, recognised: guess.bytes } : {};
  return { ...result, heard: bytes.length, baudRate, bytes: bytes.toString("base64url") };
}

function show({ port, ask: asked }: SniffOptions, heard: Heard | null): void {
  if (!heard) {
    printNote("nothing was heard");
    if (asked)
      printHint("is it powered, and TX on RX? A meter on RS-485 needs its own address and A/B");
    else printHint("it may speak only when it is asked: --ask sends what the polled profiles send");
    return;
  }
  const { baudRate, bytes, guess } = heard;
  for (const line of hexDump(bytes.subarray(0, SHOWN_BYTES))) printLine(line);
  if (!guess) {
    printLine(`${bytes.length} bytes, nothing recognised; ${baudRate} baud is a guess`);
    printHint("write a profile of your own: docs/devices.md");
    return;
  }
  const { profile, framing, frames } = guess;
  const what = profile === null ? framing : `${framing}, ${profile}`;
  printLine(
    `${baudRate} baud, ${what}: ${frames} frame(s), ${guess.bytes} of ${bytes.length} bytes`,
  );
  if (guess.layout) {
    for (const line of [`serial: { baudRate: ${baudRate} }`, ...yamlOf(guess.layout)])
      printLine(line);
    if (!guess.layout.checksum)
      printHint(
        "no checksum was found, so a frame may begin elsewhere: what follows a pause is one",
      );
  }
  if (profile === null) {
    printHint("no profile reads it: write one with this framing, docs/devices.md shows how");
    return;
  }
  printHint(
    `agent.yaml: ports: [{ path: ${port}, profile: ${profile}, baudRate: ${baudRate}, topic: … }]`,
  );
}
