/** What the audit log says that there should be. */
import { type AuditLine, setsEpochs } from "../audit-log.ts";
import type { Tenant } from "../tenant.ts";
import type { Findings } from "./findings.ts";

/** The newest documents of a client, or the head's. */
export interface Newest {
  readonly serial: number;
  /** The file below `documents/`. */
  readonly bundle: string | undefined;
}

/** Everything that the log tells, of the lines whose MACs hold. */
export interface Told {
  lines: number;
  /** Above every serial in the log. */
  serial: number;
  head: Newest | undefined;
  /** The epochs that were put in force last; `undefined` where they are those of `init`. */
  epochs: { readonly serial: number; readonly numbers: readonly number[] } | undefined;
  readonly clients: Map<string, Newest>;
  /** SHA-256 as b64url, by the bundle's name. */
  readonly bundles: Map<string, string>;
}

/** Reads the whole log. `null` where a line was changed: what comes after it tells nothing for certain. */
export async function readLog({ audit, layout }: Tenant, findings: Findings): Promise<Told | null> {
  const told: Told = {
    lines: 0,
    serial: 0,
    head: undefined,
    epochs: undefined,
    clients: new Map(),
    bundles: new Map(),
  };
  const tail = await findings.collect(layout.auditLog, async () => {
    const lines = audit.read();
    for (;;) {
      const { done, value } = await lines.next();
      if (done) return value;
      take(told, value, (what) => findings.problem(layout.auditLog, what));
    }
  });
  if (tail === undefined) return null;
  if (tail === "torn")
    findings.note(layout.auditLog, "half a line at the end, of a command that was cut off");
  if (tail === "strange")
    findings.problem(
      layout.auditLog,
      "what follows the last line was written by no command of ours",
    );
  return told;
}

function take(told: Told, line: AuditLine, problem: (what: string) => void): void {
  const { n, op, client, serial, epochs, bundle, digest } = line;
  told.lines = n;
  if (bundle !== undefined && digest !== undefined) told.bundles.set(bundle, digest);
  if (serial <= told.serial) problem(`line ${n}: the serial is not above those before it`);
  told.serial = Math.max(told.serial, serial);
  if (client !== undefined) told.clients.set(client, { serial, bundle });
  else if (op === "init" || setsEpochs(line)) told.head = { serial, bundle };
  if (setsEpochs(line)) told.epochs = { serial, numbers: epochs ?? [] };
}
