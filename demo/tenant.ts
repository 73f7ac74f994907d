/** The owner's part of the demo: a tenant, its devices and its consumer. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import { type Enrolled, enrol } from "../kms/enrol.ts";
import { type InitRequest, initTenant } from "../kms/init.ts";
import { publicFileSchema } from "../kms/public-file.ts";
import { withTenant } from "../kms/tenant.ts";
import { veilmq } from "./veilmq.ts";

const TENANT = "demo";
/** Small, so that nobody waits; 3072 is the default of `kms init`. */
const BITS = "2048";

const madeSchema = z.looseObject({ publicFile: z.string(), bundle: z.string() });
const revokedSchema = z.looseObject({ bundle: z.string() });

/** Where clients find the bridge. */
export interface BridgeAddresses {
  readonly mqtt: string[];
  readonly http: string[];
}

export interface Enrolment {
  readonly client: string;
  readonly publish?: readonly string[];
  readonly subscribe?: readonly string[];
  /** Whether every record carries a signature. */
  readonly signs?: boolean;
  readonly bridge: BridgeAddresses;
}

export class DemoTenant {
  readonly name = TENANT;
  readonly #dir: string;
  readonly #signal: AbortSignal;
  readonly #keys: Partial<InitRequest> | undefined;

  /** With `keys` they are made so, in this process: known primes spare the search for secret ones. */
  constructor(options: {
    dir: string;
    signal: AbortSignal;
    keys?: Partial<InitRequest> | undefined;
  }) {
    this.#dir = options.dir;
    this.#signal = options.signal;
    this.#keys = options.keys;
  }

  /** Makes the tenant's keys, for a bridge with this age recipient. Some seconds: safe primes are rare. */
  async init(recipient: string): Promise<{ kmsPublicKey: string; bundle: string }> {
    await makeFolder(this.#dir);
    await replaceSecretFile(this.#passphrase, `${randomBytes(24).toString("base64url")}\n`);
    const made = await this.#makeKeys(recipient);
    const file: unknown = JSON.parse(await readFile(made.publicFile, "utf8"));
    const { kmsPublicKey } = publicFileSchema.parse(file);
    return { kmsPublicKey: kmsPublicKey.toString("base64url"), bundle: made.bundle };
  }

  /** Enrols them all with the master file opened once, which takes a second each time. */
  async enrol(clients: readonly Enrolment[]): Promise<Enrolled[]> {
    const passphrase = await this.#readPassphrase();
    const enrolled: Enrolled[] = [];
    await withTenant({ dir: this.#dir, tenant: TENANT, passphrase }, async (opened) => {
      for (const { publish = [], subscribe = [], bridge, ...rest } of clients)
        enrolled.push(await enrol(opened, { publish, subscribe, addresses: bridge, ...rest }));
    });
    return enrolled;
  }

  /** Revokes a client; the file of documents that takes effect once a bridge has it. */
  async revoke(client: string): Promise<string> {
    return revokedSchema.parse(JSON.parse(await this.#kms("revoke", client))).bundle;
  }

  async #makeKeys(recipient: string): Promise<{ publicFile: string; bundle: string }> {
    if (!this.#keys) {
      const args = ["init", TENANT, "--bits", BITS, "--bridge-recipient", recipient];
      return madeSchema.parse(JSON.parse(await this.#kms(...args)));
    }
    const owner = { dir: this.#dir, tenant: TENANT, passphrase: await this.#readPassphrase() };
    return await initTenant({ ...this.#keys, ...owner, recipients: [recipient] });
  }

  async #readPassphrase(): Promise<string> {
    return (await readFile(this.#passphrase, "utf8")).trimEnd();
  }

  get #passphrase(): string {
    return join(this.#dir, "passphrase");
  }

  async #kms(...args: string[]): Promise<string> {
    const common = ["--dir", this.#dir, "--passphrase-file", this.#passphrase, "--json"];
    return veilmq(["kms", ...args, ...common], this.#signal);
  }
}
