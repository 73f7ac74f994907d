/** The owner's part of the demo: a tenant, its devices and its consumer, made with `veilmq kms` like anybody's. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import { publicFileSchema } from "../kms/public-file.ts";
import { veilmq } from "./veilmq.ts";

const TENANT = "demo";
/** Small, so that nobody waits; 3072 is the default of `kms init`. */
const BITS = "2048";

const madeSchema = z.looseObject({ publicFile: z.string(), bundle: z.string() });
const enrolledSchema = z.looseObject({ credential: z.string(), bundle: z.string() });

const revokedSchema = z.looseObject({ bundle: z.string() });

/** Where clients find the bridge. */
export interface BridgeAddresses {
  readonly mqtt: string;
  readonly http: string;
}

/** Files: a client's credential, and the documents that make the bridge know it. */
export type Enrolled = z.output<typeof enrolledSchema>;

export class DemoTenant {
  readonly name = TENANT;
  readonly #dir: string;
  readonly #signal: AbortSignal;

  constructor(options: { dir: string; signal: AbortSignal }) {
    this.#dir = options.dir;
    this.#signal = options.signal;
  }

  /** Makes the tenant's keys, for a bridge with this age recipient. Some seconds: safe primes are rare. */
  async init(recipient: string): Promise<{ kmsPublicKey: string; bundle: string }> {
    await makeFolder(this.#dir);
    await replaceSecretFile(this.#passphrase, `${randomBytes(24).toString("base64url")}\n`);
    const answer = await this.#kms("init", TENANT, "--bits", BITS, "--bridge-recipient", recipient);
    const made = madeSchema.parse(JSON.parse(answer));
    const file: unknown = JSON.parse(await readFile(made.publicFile, "utf8"));
    const { kmsPublicKey } = publicFileSchema.parse(file);
    return { kmsPublicKey: kmsPublicKey.toString("base64url"), bundle: made.bundle };
  }

  /** Enrols a client that publishes or reads these topics. */
  async enrol(
    client: string,
    operation: "publish" | "subscribe",
    topics: readonly string[],
    bridge: BridgeAddresses,
  ): Promise<Enrolled> {
    const grants = topics.flatMap((topic) => [`--${operation}`, topic]);
    const where = ["--mqtt", bridge.mqtt, "--http", bridge.http];
    const answer = await this.#kms("enrol", client, ...grants, ...where);
    return enrolledSchema.parse(JSON.parse(answer));
  }

  /** Revokes a client; the file of documents that takes effect once a bridge has it. */
  async revoke(client: string): Promise<string> {
    return revokedSchema.parse(JSON.parse(await this.#kms("revoke", client))).bundle;
  }

  get #passphrase(): string {
    return join(this.#dir, "passphrase");
  }

  async #kms(...args: string[]): Promise<string> {
    const common = ["--dir", this.#dir, "--passphrase-file", this.#passphrase, "--json"];
    return veilmq(["kms", ...args, ...common], this.#signal);
  }
}
