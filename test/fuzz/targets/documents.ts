/**
 * Documents, credentials, and what a bridge keeps in its internal topics. Mutated as a whole they fail at the
 * signature; so their bodies are mutated too, and signed and sealed afterwards, as a KMS gone wrong would.
 */
import { openClientDocument } from "../../../bridge/directory/documents.ts";
import { Floors } from "../../../bridge/directory/floors.ts";
import { GrantTable } from "../../../bridge/directory/grant-table.ts";
import { openEntry, sealEntry } from "../../../bridge/registry/entry.ts";
import { createLog } from "../../../core/runtime/log.ts";
import { i2osp, join, lp } from "../../../core/scheme/bytes.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import { decodeCredential, encodeCredential, newestEpoch } from "../../../core/wire/credential.ts";
import {
  bundleSchema,
  certPath,
  clientPath,
  encodeBundle,
  grantsPath,
  headPath,
  headSchema,
  parseDocumentPath,
} from "../../../core/wire/directory.ts";
import {
  type DocumentKind,
  openDocument,
  openSealed,
  sealForBridge,
  signDocument,
} from "../../../core/wire/document.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import { encodeEpoch, encodeHalves } from "../../../core/wire/parameters.ts";
import { senmlPackSchema, toSenmlName } from "../../../core/wire/senml.ts";
import { InternalStore, registryKey } from "../../../core/wire/store.ts";
import {
  BRIDGE_KEY,
  bytes,
  CLIENT,
  HALVES,
  json,
  PARAMETERS,
  PUBLIC_KEY,
  PUBLIC_KEY_BYTES,
  RECORD_KEY,
  SIGNING_KEY,
  TENANT,
} from "../fixtures.ts";
import type { Target } from "../target.ts";

const PATH = clientPath(TENANT, CLIENT);
const GRANTS_PATH = grantsPath(TENANT, CLIENT, 0);
const CERT_PATH = certPath(TENANT, CLIENT);
const HEAD_PATH = headPath(TENANT);
const key32 = Buffer.alloc(32, 9).toString("base64url");
const epoch = { epoch: 1, parameters: PARAMETERS };

const seal = (path: string, plain: Buffer): string =>
  sealForBridge(BRIDGE_KEY, path, plain, bytes).toString("base64url");
const halves = json([encodeHalves({ epoch: 1, halves: HALVES.proxy })]);
const grant = { tag: key32, ops: ["pub", "sub"], nbf: 0, exp: 4_000_000_000_000 };
const grants = json([grant, { ...grant, tag: RECORD_KEY.commit.toString("base64url") }]);
const cert = json({ tenant: TENANT, client: CLIENT, serial: 4, signingKey: key32, signs: true });

function enrolmentBody(sealed: string): Buffer {
  const keys = { authHash: key32, signingKey: key32, signs: false };
  return json({ client: CLIENT, serial: 4, status: "active", ...keys, chunks: 1, sealed });
}

function grantsBody(sealed: string): Buffer {
  return json({ client: CLIENT, serial: 4, sealed });
}

/** Opens `document` as a bridge does that finds it at `path`; reads the grants in it, if any. */
function openAt(path: string, document: Buffer): void {
  const place = parseDocumentPath(path);
  if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's document");
  const keys = { kmsPublicKey: PUBLIC_KEY, bridgeKey: BRIDGE_KEY };
  const opened = openClientDocument({ path, place, document, ...keys });
  if (opened.kind === "grants")
    new GrantTable([opened.rows]).get(RECORD_KEY.commit.toString("hex"));
}

function signed(kind: DocumentKind, path: string, body: Buffer): Buffer {
  return signDocument(kind, path, body, SIGNING_KEY);
}

const credential = encodeCredential({
  veilmq: "credential",
  version: 1,
  tenant: TENANT,
  client: CLIENT,
  serial: 4,
  secret: RECORD_KEY.key,
  epochs: [epoch],
  halves: [{ epoch: 1, halves: HALVES.client }],
  signingKey: RECORD_KEY.key,
  signs: true,
  ageIdentity: "AGE-SECRET-KEY-1QQQQ",
  kmsPublicKey: PUBLIC_KEY_BYTES,
  groupKey: RECORD_KEY.key,
  bridge: { mqtt: ["mqtts://bridge:8883"], http: ["https://bridge:8443"] },
  topics: [{ name: "field/north", ops: ["pub", "sub"] }],
});

const store = new InternalStore(BRIDGE_KEY);
const registered = {
  tenant: TENANT,
  tag: RECORD_KEY.commit,
  kid: RECORD_KEY.kid,
  producerId: CLIENT,
};
const announcement = encodeAnnouncement(
  {
    suite: 1,
    epoch: 1,
    producerId: CLIENT,
    createdAtMs: 0,
    wrapped: Buffer.alloc(256, 5),
    commit: RECORD_KEY.commit,
  },
  SIGNING_KEY,
);
const entryKey = store.entryKey(1, registryKey(registered));
const entry = { producerId: CLIENT, announcement, cert: Buffer.alloc(200, 6) };
const floor = join(i2osp(7, 8), RECORD_KEY.commit, lp(PATH));
const floorKey = store.entryKey(2, Buffer.from(PATH));
const log = createLog("fuzz", "silent");

export const documentTargets: readonly Target[] = [
  {
    name: "document",
    samples: [signed("enrol", PATH, enrolmentBody(seal(PATH, halves)))],
    run: (input) => openAt(PATH, input),
    share: 0.3,
  },
  {
    name: "head",
    samples: [
      json({
        tenant: TENANT,
        serial: 1,
        epochs: [
          encodeEpoch(epoch),
          encodeEpoch({ epoch: 2, parameters: { suite: "p256", xRec: RECORD_KEY.commit } }),
          encodeEpoch({ epoch: 3, parameters: { suite: "hmac" } }),
        ],
        kafka: { partitions: 1, retentionMs: 60_000 },
        sealed: key32,
      }),
    ],
    run: (input) =>
      openDocument("head", HEAD_PATH, signed("head", HEAD_PATH, input), {
        kmsPublicKey: PUBLIC_KEY,
        schema: headSchema,
      }),
    share: 0.3,
  },
  {
    name: "enrolment",
    samples: [enrolmentBody(seal(PATH, halves))],
    run: (input) => openAt(PATH, signed("enrol", PATH, input)),
    share: 0.3,
  },
  {
    name: "enrolment-halves",
    samples: [halves],
    run: (input) => openAt(PATH, signed("enrol", PATH, enrolmentBody(seal(PATH, input)))),
    share: 0.3,
  },
  {
    name: "grants",
    samples: [grantsBody(seal(GRANTS_PATH, grants))],
    run: (input) => openAt(GRANTS_PATH, signed("enrol", GRANTS_PATH, input)),
    share: 0.3,
  },
  {
    name: "grants-sealed",
    samples: [grants],
    run: (input) => {
      const body = grantsBody(seal(GRANTS_PATH, input));
      openAt(GRANTS_PATH, signed("enrol", GRANTS_PATH, body));
    },
    share: 0.3,
  },
  {
    name: "certificate",
    samples: [cert],
    run: (input) => openAt(CERT_PATH, signed("cert", CERT_PATH, input)),
    share: 0.3,
  },
  {
    name: "sealed-part",
    samples: [sealForBridge(BRIDGE_KEY, PATH, halves, bytes)],
    run: (input) => openSealed(BRIDGE_KEY, PATH, input),
  },
  {
    name: "bundle",
    samples: [
      Buffer.from(
        encodeBundle([
          { path: HEAD_PATH, document: RECORD_KEY.commit },
          { path: CERT_PATH, document: signed("cert", CERT_PATH, cert) },
        ]),
      ),
    ],
    run: (input) => {
      for (const { path } of parseJson(input, bundleSchema, "BAD_DOCUMENT").documents)
        parseDocumentPath(path);
    },
  },
  {
    name: "credential",
    samples: [Buffer.from(credential)],
    run: (input) => newestEpoch(decodeCredential(input)),
  },
  {
    name: "senml",
    samples: [
      json([
        { bn: "x:", bt: 1.7e9, bu: "Cel", n: "temperature", v: 21.5 },
        { n: "door", vb: true },
      ]),
      json([{ n: "text", vs: "on", u: "%RH", t: -1 }]),
    ],
    run: (input) => {
      toSenmlName(input.toString("utf8"));
      parseJson(input, senmlPackSchema);
    },
  },
  {
    name: "store-entry",
    samples: [sealEntry(store, registered, entry)],
    run: (input) => store.open(entryKey, input),
  },
  {
    name: "registry-entry",
    samples: [join(registered.tag, lp(entry.cert), announcement)],
    run: (input) => {
      const sealed = store.seal(entryKey, input, bytes);
      return openEntry(store, TENANT, { entryKey, sealed });
    },
  },
  {
    name: "directory-entry",
    samples: [floor],
    run: (input) => {
      const topic = { append: async (): Promise<void> => undefined };
      new Floors({ store, topic, log }).read({
        key: floorKey,
        value: store.seal(floorKey, input, bytes),
      });
    },
  },
];
