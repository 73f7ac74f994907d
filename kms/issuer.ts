/** The keys as worker threads get them: in the open, in this process's memory alone. */
import { importSigningKey } from "../core/wire/keys.ts";
import { decodeMaster } from "./master-file.ts";
import type { Issuer } from "./tenant.ts";

/** Of the last task: all tasks of one command have the same. */
let known: { readonly text: string; readonly issuer: Issuer } | undefined;

/** From what `encodeMaster` made. */
export function issuerFrom(text: string): Issuer {
  if (known?.text === text) return known.issuer;
  const master = decodeMaster(text);
  const signingKey = importSigningKey(master.signingSeed);
  known = { text, issuer: { name: master.tenant, master, signingKey } };
  return known.issuer;
}
