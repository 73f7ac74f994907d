/** Records: as a whole, and with a mutated content that is sealed as a true producer would. */
import { encrypt, recordAad } from "../../../core/scheme/record/aead.ts";
import {
  decodeHeader,
  encodeHeader,
  peekIdentity,
  splitRecord,
} from "../../../core/scheme/record/header.ts";
import { openSplit } from "../../../core/scheme/record/open.ts";
import { pad } from "../../../core/scheme/record/padding.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { parsePack } from "../../../core/wire/senml.ts";
import { json, PUBLIC_KEY, RECORD_KEY, SIGNING_KEY } from "../fixtures.ts";
import type { Target } from "../target.ts";

const pack = json([{ bt: 1.7e9, n: "temperature", v: 21.5, u: "Cel" }]);
const place = { key: RECORD_KEY, seq: 5n, timeMs: 1_700_000_000_000 };
const padded = sealRecord({ ...place, plaintext: pack, padded: true });
const signed = sealRecord({ ...place, plaintext: pack, padded: true, signingKey: SIGNING_KEY });
const plain = sealRecord({ ...place, plaintext: pack, padded: false });
const opening = { key: RECORD_KEY, producerKey: PUBLIC_KEY, signs: false };

/** A record around `body` as it is: the padding is the producer's word. */
function sealBody(body: Buffer): Buffer {
  const { suite, aead, epoch, kid } = RECORD_KEY;
  const { seq, timeMs } = place;
  const header = encodeHeader({
    suite,
    aead,
    epoch,
    kid,
    seq,
    timeMs,
    padded: true,
    signed: false,
  });
  const aad = recordAad(RECORD_KEY, header);
  const { ciphertext, authTag } = encrypt({ key: RECORD_KEY, aad, plaintext: body });
  return Buffer.concat([header, ciphertext, authTag]);
}

/** Mutations rarely have a length that padding makes, and nothing else would be read. */
function stretch(body: Buffer): Buffer {
  const length = Math.max(32, 2 ** Math.ceil(Math.log2(Math.max(1, body.length))));
  return Buffer.concat([body, Buffer.alloc(length - body.length)]);
}

export const recordTargets: readonly Target[] = [
  {
    name: "record-header",
    samples: [padded, signed, plain],
    run: (input) => {
      peekIdentity(input);
      decodeHeader(input);
      splitRecord(input);
    },
  },
  {
    name: "record",
    samples: [padded, signed, plain],
    run: (input) => openSplit(splitRecord(input), opening),
  },
  {
    name: "record-padding",
    samples: [pad(pack), pad(Buffer.alloc(100, 1))],
    run: (input) => openSplit(splitRecord(sealBody(stretch(input))), opening),
  },
  {
    name: "record-content",
    samples: [pack],
    run: (input) => {
      const record = sealRecord({ ...place, plaintext: input, padded: true });
      parsePack(openSplit(splitRecord(record), opening));
    },
  },
];
