/**
 * Where the owner's files are. One folder a tenant, readable by the owner alone:
 *
 *   <dir>/<tenant>/master.age           the keys of everything, sealed under the passphrase
 *                  public.json          what the operator puts into bridge.yaml
 *                  state/serial         the last serial given out
 *                  state/head           what the head document was made from
 *                  state/audit          how far audit.log reaches
 *                  state/told           the last serial that audit.log told of
 *                  state/batch          the clients of `enrol --csv` that are being made
 *                  state/rotating       the clients of a rotation that are being told
 *                  state/clients/<id>   one file per client, so that enrolling one of 10,000 rewrites one
 *                  audit.log            every change, a line each, under a chain of MACs
 *                  documents/           bundles for `bridge import`, in the order of their names
 *                  credentials/         what the clients get
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists } from "../core/runtime/files.ts";
import { checkName } from "../core/wire/fields.ts";

const MASTER = "master.age";
/** Names sort in the order of serials, as a bridge has to take them. */
const SERIAL_DIGITS = 12;

export class Layout {
  readonly folder: string;

  /** Throws BAD_ARGUMENT for what is no tenant. */
  constructor(dir: string, tenant: string) {
    this.folder = join(dir, checkName(tenant, "a tenant"));
  }

  get master(): string {
    return join(this.folder, MASTER);
  }
  get publicFile(): string {
    return join(this.folder, "public.json");
  }
  get state(): string {
    return join(this.folder, "state");
  }
  get clients(): string {
    return join(this.state, "clients");
  }
  get auditLog(): string {
    return join(this.folder, "audit.log");
  }
  get documents(): string {
    return join(this.folder, "documents");
  }
  get credentials(): string {
    return join(this.folder, "credentials");
  }

  bundle(serial: number, label: string): string {
    return join(this.documents, `${this.bundlePrefix(serial)}${label}.json`);
  }

  /** What the bundle's name begins with. */
  bundlePrefix(serial: number): string {
    return `${String(serial).padStart(SERIAL_DIGITS, "0")}-`;
  }

  credential(client: string): string {
    return join(this.credentials, `${client}.cred.json`);
  }
}

const CLIENT = "[a-z0-9][a-z0-9._-]{0,63}";
const TENANT_FILE = new RegExp(
  `^(?:master\\.age|(public\\.json)|audit\\.log|state/(?:serial|head|audit|told|batch|rotating|clients/${CLIENT})|(documents/\\d{12,16}-[a-z0-9._-]{1,90}\\.json)|credentials/${CLIENT}\\.cred\\.json)$`,
);

/** What a file of a tenant is, by its path below the tenant's folder; `null` where no command of ours puts one. */
export function tenantFileKind(path: string): "secret" | "public" | null {
  const match = TENANT_FILE.exec(path);
  if (!match) return null;
  return (match[1] ?? match[2]) === undefined ? "secret" : "public";
}

/** The tenants below `dir`, sorted. A folder that is not there holds none. */
async function tenantsIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const tenants: string[] = [];
  for (const { name } of folders) if (await fileExists(join(dir, name, MASTER))) tenants.push(name);
  return tenants.sort();
}

/** The only tenant below `dir`. Throws NOT_FOUND where there is none, BAD_ARGUMENT where there are several. */
export async function onlyTenant(dir: string): Promise<string> {
  const tenants = await tenantsIn(dir);
  const [only] = tenants;
  if (only === undefined)
    throw new VeilError("NOT_FOUND", `there is no tenant in ${dir}`, {
      hint: "make one with `veilmq kms init`, or name its folder with --dir",
    });
  if (tenants.length > 1)
    throw new VeilError("BAD_ARGUMENT", `there are several tenants in ${dir}`, {
      hint: `add --tenant with one of: ${tenants.join(", ")}`,
    });
  return only;
}
