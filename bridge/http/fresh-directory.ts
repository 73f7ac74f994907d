/** The directory as match and release may use it: not older than allowed (PROTOCOL.md §4, "Revoke"). */
import { VeilError } from "../../core/errors.ts";
import type { Login } from "../../core/wire/login.ts";
import type { Client, Directory, Tenant } from "../directory/types.ts";

export interface FreshDirectoryOptions {
  readonly directory: Directory;
  readonly maxAgeMs: number;
}

export class FreshDirectory {
  readonly #options: FreshDirectoryOptions;

  constructor(options: FreshDirectoryOptions) {
    this.#options = options;
  }

  /** The tenant and client as they are now. Throws UNAVAILABLE where the directory is too old, AUTH, REVOKED. */
  current(login: Login): { tenant: Tenant; client: Client } {
    const { directory, maxAgeMs } = this.#options;
    if (directory.ageMs(login.tenant) > maxAgeMs)
      throw new VeilError("UNAVAILABLE", "the bridge has not reached its directory for too long");
    const tenant = directory.tenant(login.tenant);
    const client = directory.client(login);
    if (!tenant || !client) throw new VeilError("AUTH", "unknown client");
    if (client.status === "revoked") throw new VeilError("REVOKED", "this client is revoked");
    return { tenant, client };
  }

  /** As `Directory.allows`. */
  allows(...asked: Parameters<Directory["allows"]>): boolean {
    return this.#options.directory.allows(...asked);
  }
}
