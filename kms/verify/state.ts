/** The files below `state/`, held against the audit log: each opens, and none is from another time. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { BATCH_FILES, readBatch } from "../batch-file.ts";
import { readBridgeSettings } from "../bridge-settings.ts";
import { type ClientRecord, readClient } from "../client-record.ts";
import type { Tenant } from "../tenant.ts";
import type { Findings } from "./findings.ts";
import type { Newest, Told } from "./log.ts";

const FILES = ["serial", "head", "audit", "told", "clients", ...Object.values(BATCH_FILES)];

const CUT_OFF = [
  [
    "enrol",
    (count: number) => `enrolling ${count} clients was cut off: run it again with --skip-enrolled`,
  ],
  [
    "rotate",
    (count: number) => `telling ${count} clients of a rotation was cut off: veilmq kms rotate`,
  ],
] as const;

/** The last serial given out; `undefined` where the counter was changed. */
export async function verifyState(
  { state, layout, master }: Tenant,
  { told, findings }: { told: Told | null; findings: Findings },
): Promise<number | undefined> {
  const counter = join(layout.state, "serial");
  const last = await findings.collect(counter, () => state.lastSerial());
  if (last !== undefined && told && last < told.serial)
    findings.problem(counter, `was put back: ${last}, and the audit log knows of ${told.serial}`);
  else if (last !== undefined && last < (master.epochsSerial ?? 0))
    findings.problem(
      counter,
      `was put back: ${last}, and the master file knows of ${master.epochsSerial}`,
    );
  await findings.collect(join(layout.state, "head"), () => readBridgeSettings(state));
  for (const [batch, tell] of CUT_OFF) {
    const path = join(layout.state, BATCH_FILES[batch]);
    const clients = await findings.collect(path, () => readBatch(state, batch));
    if (clients && clients.length > 0) findings.problem(path, tell(clients.length));
  }
  for (const name of await readdir(layout.state))
    if (!FILES.includes(name)) findings.stranger(layout.state, name);
  for (const name of await state.leftovers()) findings.stranger(layout.clients, name);
  return last;
}

/** One client's file. Returns it, `undefined` where it is bad. */
export async function verifyClient(
  { state, layout }: Tenant,
  client: string,
  { told, findings }: { told: Told | null; findings: Findings },
): Promise<ClientRecord | undefined> {
  const path = join(layout.clients, client);
  const record = await findings.collect(path, () => readClient(state, client));
  if (!record) return undefined;
  if (told) compare(record.serial, { newest: told.clients.get(client), path, findings });
  return record;
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
