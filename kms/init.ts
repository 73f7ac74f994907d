/** `kms init`: a new tenant. All or nothing: its folder appears when everything is in it. */
import { randomBytes } from "node:crypto";
import { rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { VeilError } from "../core/errors.ts";
import {
  fileExists,
  makeFolder,
  replaceFile,
  replaceSecretFile,
  syncFolder,
} from "../core/runtime/files.ts";
import type { Master } from "../core/scheme/owner.ts";
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
import {
  DEFAULT_KIND,
  generateKeys,
  type KeyKind,
  type KeyRequest,
  keyKindOf,
} from "./master-key.ts";
import { encodePublicFile, publicFileOf } from "./public-file.ts";
import { assembleTenant, type TenantOptions } from "./tenant.ts";
import { inWorkshop } from "./workshop.ts";

const FIRST_EPOCH = 1;

export interface InitRequest extends TenantOptions, KeyRequest {
  /** `age1…`: the operator's bridge identity, or several while it changes. */
  readonly recipients: readonly string[];
  /** Kafka partitions of a topic, 1 unless given. A later change voids the order. */
  readonly partitions?: number;
  /** How long Kafka keeps records, 30 days unless given. */
  readonly retentionMs?: number;
  /** Where clients find the bridge: what `kms enrol` puts into credentials unless told otherwise. */
  readonly addresses?: BridgeAddresses;
  /** log2 of scrypt's N: a test cannot wait for it. */
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
  const kind = keyKindOf(request, DEFAULT_KIND);
  const final = new Layout(dir, tenant);
  await refuseExisting(final);
  const master = newMasterFile(request, await generateKeys(request, kind));
  return await inWorkshop({ dir, command: "init" }, async (workshop) => {
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
  });
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

function newMasterFile({ tenant }: InitRequest, master: Master): MasterFile {
  const { seed, publicKey } = generateSigningKey();
  return {
    tenant,
    createdAtMs: Date.now(),
    signingSeed: seed,
    kmsPublicKey: publicKey,
    bridgeKey: randomBytes(BRIDGE_KEY_BYTES),
    stateKey: randomBytes(STATE_KEY_BYTES),
    epochs: [{ epoch: FIRST_EPOCH, master }],
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
