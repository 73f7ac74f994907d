/** Putting a list of epochs in force: the master file and the head first, then every active client. */
import { readdir } from "node:fs/promises";
import { replaceFile, replaceSecretFile } from "../core/runtime/files.ts";
import { type BridgeSettings, readBridgeSettings } from "./bridge-settings.ts";
import { commitChange } from "./bundle.ts";
import { headDocument } from "./documents.ts";
import { type Due, newestOf, nextDue } from "./epochs.ts";
import { type MasterEpoch, type MasterFile, sealMaster } from "./master-file.ts";
import { encodePublicFile, publicFileOf } from "./public-file.ts";
import { type ShownEpoch, shownEpochs } from "./show.ts";
import { tellClients, waitingClients } from "./tell-clients.ts";
import { assembleTenant, type Tenant } from "./tenant.ts";

/** What every change of epochs takes. */
export interface EpochsChange {
  /** The tenant's: the master file is sealed again. */
  readonly passphrase: string;
  readonly onClients?: (progress: { readonly done: number; readonly of: number }) => void;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** log2 of scrypt's N: a test cannot wait for it. */
  readonly scryptWorkFactor?: number;
}

export interface EpochsChanged {
  /** `finish`: of a change that was cut off; `nothing`: nothing was due. */
  readonly done: "rotate" | "retire" | "finish" | "nothing";
  /** That count now, the newest last. */
  readonly epochs: readonly ShownEpoch[];
  /** That have ended as a whole. */
  readonly dropped: readonly number[];
  /** What `kms rotate --retire` takes away next. */
  readonly next: Due | null;
  /** How many have new documents, and mail where their keys change. */
  readonly clients: number;
  /** To be imported in this order, which is the order of their names. */
  readonly bundles: readonly string[];
  readonly seconds: number;
}

interface NewEpochs {
  readonly op: "rotate" | "retire";
  readonly epochs: (retentionMs: number) => MasterEpoch[];
}

/** Puts other epochs in force. What was cut off before is part of it: all clients are told. */
export async function changeEpochs(
  tenant: Tenant,
  change: EpochsChange,
  { op, epochs }: NewEpochs,
): Promise<EpochsChanged> {
  const startedAtMs = performance.now();
  const settings = await readBridgeSettings(tenant.state);
  const after = epochs(settings.kafka.retentionMs);
  const put = await putInForce(tenant, change, { op, epochs: after, settings });
  const told = await tell(put.tenant, change);
  const stay = new Set(after.map(({ epoch }) => epoch));
  return {
    ...outcome(put.tenant, startedAtMs),
    done: op,
    dropped: tenant.master.epochs.map(({ epoch }) => epoch).filter((epoch) => !stay.has(epoch)),
    clients: told.clients,
    bundles: [put.bundle, ...told.bundles],
  };
}

/** Goes on where a change was cut off; `null` where none was. */
export async function resumeChange(
  tenant: Tenant,
  change: EpochsChange,
): Promise<EpochsChanged | null> {
  const startedAtMs = performance.now();
  const { epochs, epochsSerial } = tenant.master;
  const bundles: string[] = [];
  let current = tenant;
  if (epochsSerial !== undefined && !(await hasBundle(tenant, epochsSerial))) {
    const settings = await readBridgeSettings(tenant.state);
    const put = await putInForce(tenant, change, { op: "rotate", epochs, settings });
    current = put.tenant;
    bundles.push(put.bundle);
  }
  const told = await tell(current, change);
  bundles.push(...told.bundles);
  if (bundles.length === 0) return null;
  const { clients } = told;
  return { ...outcome(current, startedAtMs), done: "finish", dropped: [], clients, bundles };
}

/** Nothing was done. */
export function unchanged(tenant: Tenant): EpochsChanged {
  const nothing = { done: "nothing" as const, dropped: [], clients: 0, bundles: [] };
  return { ...outcome(tenant, performance.now()), ...nothing };
}

async function putInForce(
  { layout, state, audit, master: before }: Tenant,
  { passphrase, scryptWorkFactor }: EpochsChange,
  {
    op,
    epochs,
    settings,
  }: { op: NewEpochs["op"]; epochs: MasterEpoch[]; settings: BridgeSettings },
): Promise<{ tenant: Tenant; bundle: string }> {
  const serial = await state.takeSerials();
  const master: MasterFile = { ...before, epochs, epochsSerial: serial };
  const tenant = assembleTenant(layout, master);
  const sealed = await sealMaster(master, passphrase, scryptWorkFactor);
  const publicFile = encodePublicFile(publicFileOf(master, newestOf(epochs).epoch));
  const documents = [await headDocument(tenant, { serial, settings })];
  // Throws where the log will not take the line.
  await audit.epochsSerial();
  // Before the log, for once: a master file that is older than the log says was put back then, and nothing else.
  await replaceSecretFile(layout.master, sealed);
  const bundle = await commitChange(tenant, {
    serial,
    label: op,
    documents,
    entries: [{ op, serial, epochs: epochs.map(({ epoch }) => epoch) }],
    keep: () => replaceFile(layout.publicFile, publicFile),
  });
  return { tenant, bundle };
}

async function tell(tenant: Tenant, { onClients }: EpochsChange) {
  const waiting = await waitingClients(tenant);
  return { clients: waiting.length, bundles: await tellClients(tenant, waiting, onClients) };
}

async function hasBundle({ layout }: Tenant, serial: number): Promise<boolean> {
  const prefix = layout.bundlePrefix(serial);
  return (await readdir(layout.documents)).some((name) => name.startsWith(prefix));
}

function outcome(tenant: Tenant, startedAtMs: number) {
  return {
    epochs: shownEpochs(tenant),
    next: nextDue(tenant.master.epochs),
    seconds: (performance.now() - startedAtMs) / 1_000,
  };
}
