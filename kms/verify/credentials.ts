/** The credentials that the owner still has: each is the one that its client was given last. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { readSecretFile } from "../../core/runtime/files.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import type { Tenant } from "../tenant.ts";
import type { Findings } from "./findings.ts";

const CREDENTIAL_NAME = /^([a-z0-9][a-z0-9._-]{0,63})\.cred\.json$/;

/** A credential's file, and whose it is. */
export interface CredentialFile {
  readonly client: string;
  readonly path: string;
}

/** What else lies there is a note. */
export async function credentialsOf(
  { layout }: Tenant,
  findings: Findings,
): Promise<CredentialFile[]> {
  const files: CredentialFile[] = [];
  for (const name of (await readdir(layout.credentials)).sort()) {
    const client = CREDENTIAL_NAME.exec(name)?.[1];
    if (client === undefined) findings.stranger(layout.credentials, name);
    else files.push({ client, path: join(layout.credentials, name) });
  }
  return files;
}

/** Throws BAD_CREDENTIAL, SECRET_FILE. `digest` is `undefined` where the client is not known. */
export async function verifyCredential(path: string, digest: Buffer | undefined): Promise<void> {
  if (!digest)
    throw new VeilError(
      "BAD_CREDENTIAL",
      "there is no good file of this client to hold it against",
    );
  if (!sha256(await readSecretFile(path)).equals(digest))
    throw new VeilError(
      "BAD_CREDENTIAL",
      "is not the credential that was issued last: it was changed, or a command was cut off; a new one: veilmq kms enrol --again",
    );
}
