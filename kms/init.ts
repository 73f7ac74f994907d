/** `kms init`: a new tenant. All or nothing: its folder appears when everything is in it. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { VeilError } from "../core/errors.ts";
import {
  fileExists,
  makeFolder,
  replaceFile,
  replaceSecretFile,
  syncFolder,
} from "../core/runtime/files.ts";
import { generateMaster, type MasterOptions } from "../core/scheme/owner.ts";
import { DEFAULT_RETENTION_MS, headSchema } from "../core/wire/directory.ts";
import { generateSigningKey } from "../core/wire/keys.ts";
import { BRIDGE_KEY_BYTES } from "../core/wire/store.ts";
import { checkRecipients } from "./age.ts";
import {
  type BridgeAddresses,
  type BridgeSettings,
  checkAddresses,
  writeBridgeSettings,
} from "./bridge-settings.ts";
import { commitChange } from "./bundle.ts";
import { headDocument } from "./documents.ts";
import { Layout } from "./layout.ts";
import { type MasterFile, STATE_KEY_BYTES, sealMaster } from "./master-file.ts";
import { encodePublicFile, publicFileOf } from "./public-file.ts";
import { assembleTenant, type TenantOptions } from "./tenant.ts";

const FIRST_EPOCH = 1;
const DEFAULT_BITS = 3072;
/** Two moduli of two primes. */
const PRIMES = 4;

type Suite = MasterOptions["suite"];
type RsaOptions = Extract<MasterOptions, { readonly suite: "rsa" }>;

/** The suite of the tenant's keys, and their size where the suite has sizes. */
type KeyKind =
  | Pick<RsaOptions, "suite" | "bits">
  | { readonly suite: Exclude<Suite, RsaOptions["suite"]> };

export interface InitRequest extends TenantOptions {
  /** `rsa` unless given. With `hmac` and `pki` all clients share a key. */
  readonly suite?: Suite;
  /** With `rsa` only, the size of each modulus: 3072 unless given. */
  readonly bits?: RsaOptions["bits"] | undefined;
  /** `age1…`: the operator's bridge identity, or several while it changes. */
  readonly recipients: readonly string[];
  /** Kafka partitions of a topic, 1 unless given. A later change voids the order. */
  readonly partitions?: number;
  /** How long Kafka keeps records, 30 days unless given. */
  readonly retentionMs?: number;
  /** Where clients find the bridge: what `kms enrol` puts into credentials unless told otherwise. */
  readonly addresses?: BridgeAddresses;
  /** Told of `done: 0` when the search of safe primes begins, which only `rsa` has. */
  readonly onProgress?: NonNullable<RsaOptions["onProgress"]>;
  readonly signal?: AbortSignal;
  /** Where safe primes come from, and log2 of scrypt's N: a test cannot wait for either. */
  readonly primes?: NonNullable<RsaOptions["source"]>;
  readonly scryptWorkFactor?: number;
}

export type Initialised = KeyKind & {
  readonly tenant: string;
  readonly epoch: number;
  /** b64url, as in public.json. */
  readonly kmsPublicKey: string;
  readonly folder: string;
  readonly publicFile: string;
  readonly bundle: string;
};

/**
 * Makes the keys (with `rsa` a search: seconds at 2048 bits, minutes above) and writes the tenant. Throws BAD_ARGUMENT, CONFLICT
 * where the tenant exists, STOPPED after an abort; nothing is left behind then.
 */
export async function initTenant(request: InitRequest): Promise<Initialised> {
  const settings = checkRequest(request);
  const { dir, tenant } = request;
  const kind = keyKindOf(request);
  const final = new Layout(dir, tenant);
  await refuseExisting(final);
  const master = await generateKeys(request, kind);
  await makeFolder(dir);
  const workshop = await mkdtemp(join(dir, ".init-"));
  try {
    const layout = new Layout(workshop, tenant);
    const bundle = await writeTenant(request, { layout, master, settings });
    await refuseExisting(final);
    await rename(layout.folder, final.folder);
    await syncFolder(dir);
    return {
      ...kind,
      tenant,
      epoch: FIRST_EPOCH,
      kmsPublicKey: master.kmsPublicKey.toString("base64url"),
      folder: final.folder,
      publicFile: final.publicFile,
      bundle: join(final.documents, basename(bundle)),
    };
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

function keyKindOf({ suite = "rsa", bits }: InitRequest): KeyKind {
  if (suite === "rsa") return { suite, bits: bits ?? DEFAULT_BITS };
  if (bits !== undefined)
    throw new VeilError("BAD_ARGUMENT", `keys of suite ${suite} have one size`, {
      hint: "leave out --bits: it is for suite rsa",
    });
  return { suite };
}

function checkRequest(request: InitRequest): BridgeSettings {
  checkRecipients(request.recipients);
  const addresses = request.addresses ?? { mqtt: [], http: [] };
  checkAddresses(addresses);
  const kafka = headSchema.shape.kafka.safeParse({
    partitions: request.partitions ?? 1,
    retentionMs: request.retentionMs ?? DEFAULT_RETENTION_MS,
  });
  if (!kafka.success)
    throw new VeilError("BAD_ARGUMENT", "partitions are 1 to 1,000, retention is a minute or more");
  return { recipients: [...request.recipients], kafka: kafka.data, addresses };
}

async function refuseExisting({ folder }: Layout): Promise<void> {
  if (await fileExists(folder))
    throw new VeilError("CONFLICT", `${folder} exists already`, {
      hint: "a tenant is never overwritten: its keys could not be made again",
    });
}

async function generateKeys(request: InitRequest, kind: KeyKind): Promise<MasterFile> {
  const master = await generateMaster(masterOptions(request, kind));
  const { seed, publicKey } = generateSigningKey();
  return {
    tenant: request.tenant,
    createdAtMs: Date.now(),
    signingSeed: seed,
    kmsPublicKey: publicKey,
    bridgeKey: randomBytes(BRIDGE_KEY_BYTES),
    stateKey: randomBytes(STATE_KEY_BYTES),
    epochs: [{ epoch: FIRST_EPOCH, master }],
  };
}

function masterOptions({ onProgress, signal, primes }: InitRequest, kind: KeyKind): MasterOptions {
  if (kind.suite !== "rsa") return { ...kind, random: randomBytes };
  onProgress?.({ done: 0, of: PRIMES });
  return {
    ...kind,
    random: randomBytes,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
    ...(primes ? { source: primes } : {}),
  };
}

/** Writes all files of the tenant and returns the path of the head's bundle. */
async function writeTenant(
  request: InitRequest,
  { layout, master, settings }: { layout: Layout; master: MasterFile; settings: BridgeSettings },
): Promise<string> {
  const { passphrase, scryptWorkFactor } = request;
  const tenant = assembleTenant(layout, master);
  const { state, audit } = tenant;
  for (const folder of [layout.documents, layout.credentials]) await makeFolder(folder);
  await replaceSecretFile(layout.master, await sealMaster(master, passphrase, scryptWorkFactor));
  await replaceFile(layout.publicFile, encodePublicFile(publicFileOf(master, FIRST_EPOCH)));
  await state.create();
  await audit.create();
  const serial = await state.takeSerials();
  return await commitChange(tenant, {
    serial,
    label: "head",
    documents: [await headDocument(tenant, { serial, settings })],
    entries: [{ op: "init", serial }],
    keep: () => writeBridgeSettings(state, settings),
  });
}
