/** The outbox of a device that was offline: filled by the agent's own sealing, intake and outbox, as fast as they go. */
import { join } from "node:path";
import { pino } from "pino";
import { Outbox } from "../../agent/device/outbox/outbox.ts";
import { chosenAead } from "../../agent/device/sealing/aead-choice.ts";
import { Intake } from "../../agent/device/sealing/intake.ts";
import { Scheme } from "../../agent/device/sealing/scheme.ts";
import { Sealer } from "../../agent/device/sealing/sealer.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { packTakenAt } from "../../core/wire/clock.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { importSigningKey } from "../../core/wire/keys.ts";

const EVERY_MS = 1000;
const BOOT = "AAECAwQFBgc";
/** What counts the readings, from 0. */
export const COUNT_NAME = "count";

export interface FillOptions {
  /** Of the agent that will send it. */
  readonly stateDir: string;
  readonly credential: Credential;
  readonly topic: string;
  /** One a second, up to now. */
  readonly readings: number;
  readonly signal: AbortSignal;
  readonly onReading: () => void;
}

export interface Filled {
  readonly seconds: number;
  /** On disk. */
  readonly bytes: number;
  /** At the outbox's bound. */
  readonly dropped: number;
}

/** Resolves when all of them are on disk. A key lasts a week of the device's time, as ever. */
export async function fillOutbox(options: FillOptions): Promise<Filled> {
  const { stateDir, credential, topic, readings, signal, onReading } = options;
  const beganMs = performance.now();
  const log = pino({ level: "warn" }, pino.destination(2));
  const outbox = new Outbox({
    folder: join(stateDir, "outbox"),
    rejectedFolder: join(stateDir, "rejected"),
  });
  const scheme = new Scheme({ credential });
  const { epoch, parameters } = newestEpoch(credential);
  const aead = chosenAead("auto", log);
  let sinceBootMs = 0;
  const sealer = new Sealer({
    suite: SUITE[parameters.suite],
    realm: { tenant: credential.tenant, epoch },
    topic,
    producerId: credential.client,
    signingKey: importSigningKey(credential.signingKey),
    signs: credential.signs,
    aead: () => aead,
    padded: true,
    scheme,
    monotonicMs: () => sinceBootMs,
  });
  const intake = new Intake({ sealer, outbox, policy: "oldest", log });
  await outbox.start();
  try {
    const bootedAtMs = Date.now() - readings * EVERY_MS;
    for (let n = 0; n < readings; n++) {
      signal.throwIfAborted();
      sinceBootMs = n * EVERY_MS;
      await intake.offer(readingOf(n, bootedAtMs));
      onReading();
    }
    await intake.stop();
    const { bytes, droppedRecords: dropped } = outbox;
    return { seconds: (performance.now() - beganMs) / 1000, bytes, dropped };
  } finally {
    await outbox.stop();
    await scheme.stop();
  }
}

/** What a sensor of three values gives: 256 bytes when padded, 314 as a record. */
function readingOf(n: number, bootedAtMs: number) {
  const sinceBootMs = n * EVERY_MS;
  const takenAtMs = bootedAtMs + sinceBootMs;
  const pack = packTakenAt(
    [
      { n: "temperature", u: "Cel", v: 21.5 },
      { n: "humidity", u: "%RH", v: 48.2 },
      { n: COUNT_NAME, v: n },
    ],
    { wallMs: takenAtMs, boot: BOOT, sinceBootMs, isSet: true },
  );
  return { plaintext: Buffer.from(JSON.stringify(pack)), takenAtMs };
}
