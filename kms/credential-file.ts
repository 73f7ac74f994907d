/** A client's credential, changed where it lies: the owner keeps no secret of a client, so the file itself is needed. */
import { VeilError } from "../core/errors.ts";
import { fileExists, readSecretFile } from "../core/runtime/files.ts";
import { sha256 } from "../core/scheme/bytes.ts";
import { type Credential, decodeCredential } from "../core/wire/credential.ts";
import type { ClientRecord } from "./client-record.ts";
import type { Tenant } from "./tenant.ts";

/** A credential and the file that it was read from. */
export interface FoundCredential {
  readonly path: string;
  readonly credential: Credential;
}

/**
 * The credential of a client: at `path`, or where `enrol` puts it unless told otherwise. `null` where none is there and
 * none was named. Throws SECRET_FILE; BAD_CREDENTIAL where it is not, byte for byte, the one that was issued last.
 */
export async function findCredential(
  tenant: Tenant,
  { client, credentialDigest }: ClientRecord,
  path?: string | undefined,
): Promise<FoundCredential | null> {
  const usual = tenant.layout.credential(client);
  if (path === undefined && !(await fileExists(usual))) return null;
  const found = path ?? usual;
  const bytes = await readSecretFile(found);
  if (!sha256(bytes).equals(credentialDigest))
    throw new VeilError(
      "BAD_CREDENTIAL",
      `${found} is not the credential that ${client} was given last`,
      {
        hint: "find that one (--credential FILE), or make a new one: veilmq kms enrol --again",
      },
    );
  return { path: found, credential: decodeCredential(bytes) };
}
