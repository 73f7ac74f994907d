/** Sealing and opening records (PROTOCOL.md §3), by algorithm and size: what every reading costs at its two ends. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { AEAD, type AeadId, splitRecord } from "../../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../../core/scheme/record/key.ts";
import { openSplit } from "../../../core/scheme/record/open.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { movementOf } from "../framework/figures.ts";
import type { Section } from "../framework/findings.ts";
import { type Contestant, type InterleaveOptions, interleave } from "../framework/interleave.ts";
import { median } from "../framework/statistics.ts";

/** Plaintext bytes, before padding to the next 32·2^j. */
const SIZES = [31, 200, 1_000, 8_000, 65_000] as const;
/** The size of the usual reading: that one is measured with a signature, too. */
const SIGNED_SIZE = 200;
const NAMES: readonly [string, AeadId][] = [
  ["AES-256-GCM", AEAD.aes256Gcm],
  ["ChaCha20-Poly1305", AEAD.chacha20Poly1305],
];
const MS_PER_S = 1000;
const MB = 1e6;

interface Case {
  readonly algorithm: string;
  readonly aead: AeadId;
  readonly size: number;
  readonly signed: boolean;
}

/** Records a second of one processor, and the plaintext of the sealed ones in MB/s. */
export async function measureRecords(
  options: InterleaveOptions,
): Promise<Pick<Section, "table" | "note">> {
  const cases = NAMES.flatMap(([algorithm, aead]): Case[] => [
    ...SIZES.map((size) => ({ algorithm, aead, size, signed: false })),
    { algorithm, aead, size: SIGNED_SIZE, signed: true },
  ]);
  const results = await interleave(cases.flatMap(contestantsOf), options);
  const perSecond = results.map((costsMs) => MS_PER_S / median(costsMs));
  const rows = cases.map(({ algorithm, size, signed }, at) => {
    const [sealed = Number.NaN, opened = Number.NaN] = perSecond.slice(2 * at, 2 * at + 2);
    return [algorithm, size, signed ? "yes" : "no", sealed, opened, (sealed * size) / MB];
  });
  const columns = ["algorithm", "plaintext, bytes", "signed", "seal/s", "open/s", "sealed, MB/s"];
  return { table: { columns, rows }, note: movementOf(results) };
}

/** Seal, then open. */
function contestantsOf({ algorithm, aead, size, signed }: Case): [Contestant, Contestant] {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = deriveRecordKey({
    suite: SUITE.rsa,
    aead,
    realm: { tenant: "bench", epoch: 1 },
    topic: "greenhouse-1/climate",
    producerId: "sensor-1",
    ikm: randomBytes(384),
  });
  const plaintext = randomBytes(size);
  let seq = 0n;
  const seal = (): Buffer =>
    sealRecord({
      key,
      seq: seq++,
      timeMs: 1_700_000_000_000,
      plaintext,
      padded: true,
      signingKey: signed ? privateKey : undefined,
    });
  const record = seal();
  return [
    { name: `seal ${algorithm}`, run: seal },
    {
      name: `open ${algorithm}`,
      run: () => openSplit(splitRecord(record), { key, producerKey: publicKey, signs: signed }),
    },
  ];
}
