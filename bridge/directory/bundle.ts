/** Verifying a bundle of documents as a whole: all of them, before one of them counts, with all problems at once. */
import { setImmediate as breathe } from "node:timers/promises";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { type DocumentPlace, parseDocumentPath } from "../../core/wire/directory.ts";
import { type OpenedDocument, type OpenedMail, openClientDocument, openMail } from "./documents.ts";
import type { Floors } from "./floors.ts";
import type { OpenedHead } from "./head.ts";
import type { TenantDirectory } from "./tenant-directory.ts";

/** Below ZooKeeper's 1 MiB, with room for its path. */
const MAX_DOCUMENT_BYTES = 1_000_000;
/** What a bundle full of bad documents costs at most, in verifications. */
const MAX_PROBLEMS = 20;
/** Verifying holds the event loop no longer than this at a time. */
const MAX_HOLD_MS = 10;

export interface BundledDocument {
  readonly path: string;
  readonly document: Buffer;
}

export interface HeadItem extends BundledDocument {
  readonly directory: TenantDirectory;
  readonly opened: OpenedHead;
  readonly floors: Floors;
}

export interface ClientItem extends BundledDocument {
  readonly directory: TenantDirectory;
  readonly opened: OpenedDocument | OpenedMail;
  readonly floors: Floors;
}

export interface VerifiedBundle {
  readonly heads: readonly HeadItem[];
  /**
   * By tenant and client; the enrolment first, since its node is the parent of the others; mail last, since the client
   * goes by it as soon as it is there.
   */
  readonly clients: readonly (readonly ClientItem[])[];
}

/** A document whose path names one of our tenants. */
interface Placed extends BundledDocument {
  readonly place: DocumentPlace;
  readonly directory: TenantDirectory;
}

/** The keys that a tenant's documents open with: of its head in this bundle, or of the one in force. */
interface Realm {
  readonly bridgeKey: Buffer;
  readonly floors: Floors;
}

/**
 * Opens everything and holds it against the floors. Throws BAD_DOCUMENT, or ROLLED_BACK where nothing but that is
 * wrong, naming up to 20 documents; and what Kafka throws where floors have to be read first. Changes nothing.
 */
export async function verifyBundle(
  documents: readonly BundledDocument[],
  tenants: ReadonlyMap<string, TenantDirectory>,
): Promise<VerifiedBundle> {
  const problems = new Problems();
  const placed = documents.flatMap(
    (document, index) =>
      problems.collect(`document ${index + 1}`, () => placeOf(document, tenants)) ?? [],
  );
  problems.collect("the bundle", () => refuseTwins(placed));
  const heads = await openHeads(placed, problems);
  const realms = new Map(
    heads.map(({ directory, opened, floors }) => [
      directory,
      { bridgeKey: opened.tenant.bridgeKey, floors },
    ]),
  );
  const clients = new Map<string, ClientItem[]>();
  let heldSinceMs = performance.now();
  for (const item of placed) {
    if (item.place.kind === "head") continue;
    const opened = problems.collect(item.path, () => openItem(item, realms));
    if (opened) group(clients, `${item.place.tenant}/${opened.opened.client}`, opened);
    if (performance.now() - heldSinceMs < MAX_HOLD_MS) continue;
    await breathe();
    heldSinceMs = performance.now();
  }
  problems.throwIfAny();
  for (const items of clients.values()) items.sort((a, b) => rank(a) - rank(b));
  return { heads, clients: [...clients.values()] };
}

function placeOf(item: BundledDocument, tenants: ReadonlyMap<string, TenantDirectory>): Placed {
  const place = parseDocumentPath(item.path);
  const directory = tenants.get(place.tenant);
  if (!directory) throw new VeilError("BAD_DOCUMENT", "this bridge does not serve the tenant");
  if (item.document.length > MAX_DOCUMENT_BYTES)
    throw new VeilError("BAD_DOCUMENT", `larger than ${MAX_DOCUMENT_BYTES} bytes`);
  return { ...item, place, directory };
}

function refuseTwins(placed: readonly Placed[]): void {
  if (new Set(placed.map(({ path }) => path)).size < placed.length)
    throw new VeilError("BAD_DOCUMENT", "two documents have the same path");
}

async function openHeads(placed: readonly Placed[], problems: Problems): Promise<HeadItem[]> {
  const heads: HeadItem[] = [];
  for (const { path, document, place, directory } of placed) {
    if (place.kind !== "head") continue;
    const head = await problems.collectAsync(path, async () => {
      const opened = await directory.openHead(document);
      const floors = await directory.floors(opened);
      floors.check(opened);
      return { path, document, directory, opened, floors };
    });
    if (head) heads.push(head);
  }
  return heads;
}

function openItem(item: Placed, realms: Map<TenantDirectory, Realm>): ClientItem {
  const { path, document, place, directory } = item;
  if (place.kind === "head") throw new VeilError("INTERNAL", "heads are opened before");
  const realm = realms.get(directory) ?? directory.realm();
  if (!realm) throw new VeilError("BAD_DOCUMENT", "the tenant's head has to be imported first");
  const { kmsPublicKey } = directory;
  const { bridgeKey, floors } = realm;
  const opened =
    place.kind === "mail"
      ? openMail({ path, place, document, kmsPublicKey })
      : openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
  floors.check(opened);
  return { path, document, directory, opened, floors };
}

function rank({ opened }: ClientItem): number {
  if (opened.kind === "client") return 0;
  return opened.kind === "mail" ? 2 : 1;
}

function group(groups: Map<string, ClientItem[]>, key: string, item: ClientItem): void {
  const present = groups.get(key);
  if (present) present.push(item);
  else groups.set(key, [item]);
}

class Problems {
  readonly #lines: string[] = [];
  #onlyRolledBack = true;

  /** `undefined` where `act` found a problem. Errors that are not the document's fault pass through. */
  collect<T>(what: string, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.#add(what, error);
      return undefined;
    }
  }

  async collectAsync<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.#add(what, error);
      return undefined;
    }
  }

  throwIfAny(): void {
    if (this.#lines.length === 0) return;
    const code = this.#onlyRolledBack ? "ROLLED_BACK" : "BAD_DOCUMENT";
    throw new VeilError(code, `nothing was imported:\n  ${this.#lines.join("\n  ")}`);
  }

  #add(what: string, error: unknown): void {
    const rolledBack = isVeilError(error, "ROLLED_BACK");
    if (!rolledBack && !isVeilError(error, "BAD_DOCUMENT")) throw error;
    this.#onlyRolledBack &&= rolledBack;
    this.#lines.push(`${what}: ${error.message}`);
    if (this.#lines.length >= MAX_PROBLEMS) this.throwIfAny();
  }
}
