/** The files below `state/`, held against the audit log: each opens, and none is from another time. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readBridgeSettings } from "../bridge-settings.ts";
import { readClient } from "../client-record.ts";
import { BATCH_FILE, readBatch } from "../enrol-batch.ts";
import type { Tenant } from "../tenant.ts";
import type { Findings } from "./findings.ts";
import type { Newest, Told } from "./log.ts";

const FILES = ["serial", "head", "audit", "clients", BATCH_FILE];

/** The last serial given out; `undefined` where the counter was changed. */
export async function verifyState(
  { state, layout }: Tenant,
  { told, findings }: { told: Told | null; findings: Findings },
): Promise<number | undefined> {
  const counter = join(layout.state, "serial");
  const last = await findings.collect(counter, () => state.lastSerial());
  if (last !== undefined && told && last < told.serial)
    findings.problem(counter, `was put back: ${last}, and the audit log knows of ${told.serial}`);
  await findings.collect(join(layout.state, "head"), () => readBridgeSettings(state));
  const batchFile = join(layout.state, BATCH_FILE);
  const batch = await findings.collect(batchFile, () => readBatch(state));
  if (batch && batch.length > 0)
    findings.problem(
      batchFile,
      `enrolling ${batch.length} clients was cut off: run it again with --skip-enrolled`,
    );
  for (const name of await readdir(layout.state))
    if (!FILES.includes(name)) findings.stranger(layout.state, name);
  return last;
}

/** One client's file. Returns the digest of its credential, `undefined` where the file is bad. */
export async function verifyClient(
  { state, layout }: Tenant,
  client: string,
  { told, findings }: { told: Told | null; findings: Findings },
): Promise<Buffer | undefined> {
  const path = join(layout.clients, client);
  const record = await findings.collect(path, () => readClient(state, client));
  if (!record) return undefined;
  if (told) compare(record.serial, { newest: told.clients.get(client), path, findings });
  return record.credentialDigest;
}

function compare(
  serial: number,
  { newest, path, findings }: { newest: Newest | undefined; path: string; findings: Findings },
): void {
  if (!newest) findings.problem(path, "the audit log does not know of this client");
  else if (serial < newest.serial)
    findings.problem(
      path,
      `is older (serial ${serial}) than the audit log says (${newest.serial}): the last command was cut off and has to be repeated, or the file was put back`,
    );
  else if (serial > newest.serial)
    findings.problem(
      path,
      `serial ${serial} is not in the audit log, which ends at ${newest.serial}`,
    );
}
