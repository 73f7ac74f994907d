/**
 * Where a client's credential lies on disk, and where a newer one is kept. It is replaced where it lies; where that
 * place cannot be written (systemd's LoadCredential=, a read-only medium) the newer one goes into the state folder, and
 * at the next start the higher serial counts: mail that came since is not forgotten, and neither is a credential that
 * the owner issued since.
 */
import { dirname, join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists, readSecretFile, replaceSecretFile } from "../core/runtime/files.ts";
import { type Credential, decodeCredential, encodeCredential } from "../core/wire/credential.ts";

const KEPT_NAME = "credential.json";
/** What a place answers that is not there to be written. A full or broken disk answers otherwise, and is tried again. */
const READ_ONLY: ReadonlySet<unknown> = new Set(["EROFS", "EACCES", "EPERM"]);

export interface CredentialStoreOptions {
  /** The file that the client was given. */
  readonly path: string;
  /** A folder of this client's own, which need not be there yet; `null`: there is none. */
  readonly stateDir: string | null;
}

export class CredentialStore {
  readonly #path: string;
  readonly #keptPath: string | null;

  constructor({ path, stateDir }: CredentialStoreOptions) {
    this.#path = path;
    this.#keptPath = stateDir === null ? null : join(stateDir, KEPT_NAME);
  }

  /** The newest credential of this client. Throws SECRET_FILE, BAD_CREDENTIAL. */
  async load(): Promise<Credential> {
    const given = decodeCredential(await readSecretFile(this.#path));
    if (this.#keptPath === null || !(await fileExists(this.#keptPath))) return given;
    const kept = decodeCredential(await readSecretFile(this.#keptPath));
    return isSameClient(given, kept) && kept.serial > given.serial ? kept : given;
  }

  /** Replaces it, atomically and durably: on return it survives a power cut. Throws DISK (retryable). */
  async save(credential: Credential): Promise<void> {
    const text = encodeCredential(credential);
    try {
      if (dirname(this.#path) !== process.env["CREDENTIALS_DIRECTORY"])
        return await replaceSecretFile(this.#path, text);
    } catch (cause) {
      if (this.#keptPath === null || !isReadOnly(cause)) throw diskError(cause);
    }
    if (this.#keptPath === null) throw diskError(new Error("there is no place for it"));
    await replaceSecretFile(this.#keptPath, text).catch((cause: unknown) => {
      throw diskError(cause);
    });
  }
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && "code" in error && READ_ONLY.has(error.code);
}

function diskError(cause: unknown): VeilError {
  return new VeilError("DISK", "the new credential cannot be written", { cause });
}

/** Serials count for one client of one owner: the state folder may be another's, from before. */
function isSameClient(a: Credential, b: Credential): boolean {
  return a.tenant === b.tenant && a.client === b.client && a.kmsPublicKey.equals(b.kmsPublicKey);
}
