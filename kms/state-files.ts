/**
 * The files below `state/`: sealed under K_state, bound to their tenant and name, replaced atomically, mode 0600.
 * They hold topic names and keys, so they are nothing to anybody without the passphrase.
 */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isVeilError, VeilError } from "../core/errors.ts";
import {
  fileExists,
  makeFolder,
  readSecretFile,
  replaceSecretFile,
} from "../core/runtime/files.ts";
import { openWith, sealWith } from "../core/wire/document.ts";
import { parseJson, serialField } from "../core/wire/fields.ts";

const CLIENTS = "clients";
const SERIAL = "serial";
const serialFileSchema = z.strictObject({ last: z.int().min(0) });

export class StateFiles {
  readonly #folder: string;
  readonly #tenant: string;
  readonly #key: Buffer;

  constructor({ folder, tenant, key }: { folder: string; tenant: string; key: Buffer }) {
    this.#folder = folder;
    this.#tenant = tenant;
    this.#key = key;
  }

  /** `null` where there is no such file. Throws BAD_DOCUMENT where it was changed or moved. */
  async read<S extends z.ZodType>(name: string, schema: S): Promise<z.output<S> | null> {
    const path = join(this.#folder, name);
    if (!(await fileExists(path))) return null;
    const sealed = await readSecretFile(path);
    try {
      return parseJson(openWith(this.#key, sealed, this.#bind(name)), schema, "BAD_DOCUMENT");
    } catch (cause) {
      if (!isVeilError(cause, "BAD_DOCUMENT")) throw cause;
      throw new VeilError("BAD_DOCUMENT", `${path} was changed, or belongs elsewhere`, {
        hint: "restore it from a backup of this tenant's folder",
        cause,
      });
    }
  }

  /** `value` as JSON: bytes must be text already. */
  async replace(name: string, value: object): Promise<void> {
    const plain = Buffer.from(JSON.stringify(value), "utf8");
    const sealed = sealWith(this.#key, plain, this.#bind(name), randomBytes);
    await replaceSecretFile(join(this.#folder, name), sealed);
  }

  /** The ids that have a file, sorted. */
  async clients(): Promise<string[]> {
    const names = await readdir(join(this.#folder, CLIENTS));
    return names.filter((name) => !isHalfWritten(name)).sort();
  }

  /** What a kill left beside the clients' files, half-written. */
  async leftovers(): Promise<string[]> {
    return (await readdir(join(this.#folder, CLIENTS))).filter(isHalfWritten).sort();
  }

  /**
   * The first of `count` serials in a row that no document has had, nor will have again: the counter is on disk before
   * anybody sees a number, so a kill in between wastes some and reuses none.
   */
  async takeSerials(count = 1): Promise<number> {
    const first = serialField.parse((await this.lastSerial()) + 1);
    await this.replace(SERIAL, { last: serialField.parse(first + count - 1) });
    return first;
  }

  /** The last serial given out; 0 where none was. Throws BAD_DOCUMENT where the counter is missing or was changed. */
  async lastSerial(): Promise<number> {
    const counter = await this.read(SERIAL, serialFileSchema);
    if (!counter)
      throw new VeilError("BAD_DOCUMENT", "the serial counter is missing", {
        hint: "restore it from a backup: serials that start again are refused by every bridge",
      });
    return counter.last;
  }

  /** The next serial will be above `serial`. Throws ROLLED_BACK where that would go back. */
  async raiseSerial(serial: number): Promise<void> {
    if (serial < (await this.lastSerial()))
      throw new VeilError("ROLLED_BACK", "the serial counter never goes back");
    await this.replace(SERIAL, { last: serialField.parse(serial) });
  }

  /** Makes the folders and the counter of a new tenant. */
  async create(): Promise<void> {
    await makeFolder(join(this.#folder, CLIENTS));
    await this.replace(SERIAL, { last: 0 });
  }

  #bind(name: string): Buffer {
    return Buffer.from(`veilmq-kms-state\0${this.#tenant}\0${name}`, "utf8");
  }
}

/** It begins with a dot, which no client id does. */
function isHalfWritten(name: string): boolean {
  return name.startsWith(".");
}

/** The name of a client's file. */
export function clientFile(client: string): string {
  return `${CLIENTS}/${client}`;
}
