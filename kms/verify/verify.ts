/**
 * `kms verify`: whether the owner's folder is as the commands left it. The audit log is the measure; it is held against
 * its own chain of MACs, everything else against it. What this cannot tell: that the whole folder was put back to an
 * earlier time. Bridges can, by their floors.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { encodePublicFile, publicFileOf } from "../public-file.ts";
import { isBehind } from "../tell-clients.ts";
import type { Tenant } from "../tenant.ts";
import { leftWorkshops } from "../workshop.ts";
import { credentialsOf, verifyCredential } from "./credentials.ts";
import { bundlesOf, verifyDocuments } from "./documents.ts";
import { type Finding, Findings } from "./findings.ts";
import { readLog, type Told } from "./log.ts";
import { verifyClient, verifyState } from "./state.ts";

const OTHERS = 0o077;
const FILES = ["master.age", "public.json", "audit.log", "state", "documents", "credentials"];

export interface Verified {
  readonly problems: readonly Finding[];
  readonly notes: readonly Finding[];
  /** Lines of the audit log whose MACs hold. */
  readonly auditLines: number;
  readonly clients: number;
  readonly bundles: number;
  readonly documents: number;
  readonly credentials: number;
}

/** How many files have been looked at. */
export type VerifyProgress = (progress: { readonly done: number; readonly of: number }) => void;

/** Looks at every file of an opened tenant, while nothing changes it. Throws only where the folder cannot be read. */
export async function verifyTenant(tenant: Tenant, onProgress?: VerifyProgress): Promise<Verified> {
  const findings = new Findings(tenant.layout.folder);
  await verifyFolder(tenant, findings);
  const told = await readLog(tenant, findings);
  if (told) compareEpochs(tenant, told, findings);
  const lastSerial = await verifyState(tenant, { told, findings });
  const [clients, bundles, credentials] = [
    await tenant.state.clients(),
    await bundlesOf(tenant, findings),
    await credentialsOf(tenant, findings),
  ];
  const of = clients.length + bundles.length + credentials.length;
  let done = 0;
  const onFile = (): void => {
    done++;
    onProgress?.({ done, of });
  };

  const digests = new Map<string, Buffer | undefined>();
  let behind = 0;
  for (const client of clients) {
    const record = await verifyClient(tenant, client, { told, findings });
    digests.set(client, record?.credentialDigest);
    if (record && isBehind(record, tenant.master)) behind++;
    onFile();
  }
  if (behind > 0)
    findings.problem(
      tenant.layout.clients,
      `${behind} clients have not been told of the newest epochs: a rotation was cut off, and veilmq kms rotate finishes it`,
    );
  if (told) reportVanished(tenant, { told, clients: new Set(clients), findings });
  const documents = await verifyDocuments(tenant, bundles, { told, lastSerial, findings, onFile });
  for (const { client, path } of credentials) {
    await findings.collect(path, () => verifyCredential(path, digests.get(client)));
    onFile();
  }
  return {
    problems: findings.problems,
    notes: findings.notes,
    auditLines: told?.lines ?? 0,
    clients: clients.length,
    bundles: bundles.length,
    documents,
    credentials: credentials.length,
  };
}

/** The files that there are one of. That `master.age` opened says that it is whole. */
async function verifyFolder({ layout, master }: Tenant, findings: Findings): Promise<void> {
  for (const name of await readdir(layout.folder))
    if (!FILES.includes(name)) findings.stranger(layout.folder, name);
  for (const left of await leftWorkshops(dirname(layout.folder)))
    findings.note(
      left,
      "holds keys, left by a command that was cut off: the next init or restore removes it",
    );
  await findings.collect(layout.publicFile, async () => {
    const found = await readFile(layout.publicFile, "utf8").catch(() => null);
    if (found === null) throw new VeilError("BAD_DOCUMENT", "is missing");
    const newest = Math.max(...master.epochs.map(({ epoch }) => epoch));
    if (found !== encodePublicFile(publicFileOf(master, newest)))
      throw new VeilError("BAD_DOCUMENT", "was changed: it is not what the master file says");
  });
  for (const path of [layout.auditLog, layout.state, layout.credentials]) {
    const found = await stat(path).catch(() => null);
    if (found && (found.mode & OTHERS) !== 0)
      findings.problem(path, "can be read by others: chmod go= is needed");
  }
}

/** A master file that was put back opens as the newest does: only the log tells. */
function compareEpochs({ layout, master }: Tenant, { epochs }: Told, findings: Findings): void {
  const [own, told] = [master.epochsSerial ?? 0, epochs?.serial ?? 0];
  const numbers = master.epochs.map(({ epoch }) => epoch).join(", ");
  if (own < told)
    findings.problem(
      layout.master,
      `was put back: its epochs (${numbers}) are those of serial ${own}, and the audit log knows of ${epochs?.numbers.join(", ")} since serial ${told}`,
    );
  else if (own > told)
    findings.problem(
      layout.master,
      `its epochs (${numbers}) are not in the audit log yet: a rotation was cut off, and veilmq kms rotate finishes it`,
    );
  else if (epochs && numbers !== epochs.numbers.join(", "))
    findings.problem(
      layout.master,
      `has epochs ${numbers}, and the audit log says ${epochs.numbers.join(", ")}`,
    );
}

function reportVanished(
  { layout }: Tenant,
  { told, clients, findings }: { told: Told; clients: ReadonlySet<string>; findings: Findings },
): void {
  for (const client of told.clients.keys())
    if (!clients.has(client))
      findings.problem(
        join(layout.clients, client),
        "is missing: enrolling it was cut off and has to be repeated, or the file was taken away",
      );
}
