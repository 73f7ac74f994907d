/** Mail as a client gets it: the push, and what is inside once the age file is open, from a KMS gone wrong. */
import type { Credential } from "../../../core/wire/credential.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import { applyMail, mailSchema } from "../../../core/wire/mail.ts";
import { decodeMailPush, encodeMailPush } from "../../../core/wire/mqtt.ts";
import { encodeEpochInForce, encodeHalves } from "../../../core/wire/parameters.ts";
import {
  CLIENT,
  HALVES,
  json,
  PARAMETERS,
  PUBLIC_KEY_BYTES,
  RECORD_KEY,
  TENANT,
} from "../fixtures.ts";
import type { Target } from "../target.ts";

const first = { epoch: 1, parameters: PARAMETERS };
const second = { epoch: 2, parameters: { suite: "p256", xRec: RECORD_KEY.commit } } as const;
const halves = [1, 2].map((epoch) => ({ epoch, halves: HALVES.client }));

const credential: Credential = {
  veilmq: "credential",
  version: 1,
  tenant: TENANT,
  client: CLIENT,
  serial: 4,
  secret: RECORD_KEY.key,
  epochs: [first],
  halves: halves.slice(0, 1),
  signingKey: RECORD_KEY.key,
  signs: true,
  ageIdentity: "AGE-SECRET-KEY-1QQQQ",
  kmsPublicKey: PUBLIC_KEY_BYTES,
  groupKey: RECORD_KEY.key,
  bridge: { mqtt: [], http: [] },
  topics: [],
};

const mail = json({
  veilmq: "mail",
  version: 1,
  tenant: TENANT,
  client: CLIENT,
  serial: 5,
  epochs: [{ ...first, tagsUntilMs: 1_000, recordsUntilMs: 2_000 }, second].map(encodeEpochInForce),
  halves: halves.map(encodeHalves),
});

export const mailTargets: readonly Target[] = [
  {
    name: "mail",
    samples: [mail],
    run: (input) => applyMail(credential, parseJson(input, mailSchema, "BAD_DOCUMENT")),
  },
  {
    name: "mail-push",
    samples: [encodeMailPush({ number: 5, document: mail })],
    run: decodeMailPush,
  },
];
