/**
 * Taking documents in: all of a bundle are verified before one of them counts; then they are in force here at
 * once, then written to ZooKeeper for the other bridges, then their floors are recorded in Kafka.
 *
 * ZooKeeper comes before the floor, so that a crash in between never locks a client out: the document is then
 * above its floor, every bridge accepts it, and whoever sees it records it. The other way round ZooKeeper would
 * still have the older document, now below its floor, and all bridges would refuse the client after their next
 * start, until somebody imported again. What the order costs is an instant in which ZooKeeper could be rolled
 * back past a restart; for that reason `import` answers only when Kafka has the floor too.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { ImportResponse } from "../../core/wire/http.ts";
import { removeMail } from "../mail/mailboxes.ts";
import {
  type BundledDocument,
  type ClientItem,
  type HeadItem,
  type VerifiedBundle,
  verifyBundle,
} from "./bundle.ts";
import type { Floors } from "./floors.ts";
import type { TenantDirectory } from "./tenant-directory.ts";
import { serialOf } from "./version.ts";

const MAX_WAITING_IMPORTS = 16;
const CONCURRENT_CLIENTS = 32;
const MAX_WRITE_ATTEMPTS = 5;

export interface ImporterOptions {
  readonly tenants: ReadonlyMap<string, TenantDirectory>;
  readonly zookeeper: ZooKeeper;
  readonly log: Logger;
}

export class Importer {
  readonly #options: ImporterOptions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(options: ImporterOptions) {
    this.#options = options;
  }

  /**
   * One bundle after the other. Throws BAD_DOCUMENT or ROLLED_BACK with all problems, LIMIT where too many wait, and
   * UNAVAILABLE or TIMEOUT where ZooKeeper or Kafka did not confirm everything: importing again completes it.
   */
  async import(documents: readonly BundledDocument[]): Promise<ImportResponse> {
    if (this.#waiting >= MAX_WAITING_IMPORTS)
      throw new VeilError("LIMIT", "too many imports wait for each other");
    this.#waiting++;
    const turn = this.#last.then(() => this.#import(documents));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  async #import(documents: readonly BundledDocument[]): Promise<ImportResponse> {
    const { tenants, log } = this.#options;
    const bundle = await verifyBundle(documents, tenants);
    for (const { directory, opened } of bundle.heads) await directory.acceptHead(opened);
    for (const { directory, opened, floors } of bundle.clients.flat())
      directory.accept(opened, floors);
    const accepted = await this.#writeAll(bundle);
    await record(bundle);
    log.info({ documents: documents.length, accepted }, "imported documents");
    return { accepted, unchanged: documents.length - accepted };
  }

  /** Returns how many documents ZooKeeper did not have. After the first failure nothing more is begun. */
  async #writeAll({ heads, clients }: VerifiedBundle): Promise<number> {
    const queue = [heads, ...clients].values();
    let written = 0;
    let failed = false;
    const writeInTurn = async (items: readonly (HeadItem | ClientItem)[]): Promise<void> => {
      for (const item of items) {
        if (await this.#write(item)) written++;
        await this.#sweep(item);
        item.floors.recordSoon(item.opened.path);
      }
    };
    const work = async (): Promise<void> => {
      for (const items of queue) {
        if (failed) return;
        await writeInTurn(items).catch((error: unknown) => {
          failed = true;
          throw error;
        });
      }
    };
    const workers = Array.from({ length: CONCURRENT_CLIENTS }, work);
    const refused = (await Promise.allSettled(workers)).find((end) => end.status === "rejected");
    if (refused) throw refused.reason;
    return written;
  }

  /** Mail that says nothing more: below a newer one, or to who is revoked. */
  async #sweep({ directory, opened }: HeadItem | ClientItem): Promise<void> {
    if (!("kind" in opened)) return;
    const login = { tenant: directory.name, client: opened.client };
    const { zookeeper } = this.#options;
    if (opened.kind === "mail")
      await removeMail(zookeeper, login, (number) => number < opened.serial);
    else if (opened.kind === "client" && opened.enrolment.status === "revoked")
      await removeMail(zookeeper, login, () => true);
  }

  /**
   * Compares and sets: another bridge may be importing a newer document of this path. Tried again where ZooKeeper may
   * or may not have taken it. `false`: it was there before.
   */
  async #write(item: HeadItem | ClientItem): Promise<boolean> {
    for (let attempt = 1; ; attempt++)
      try {
        const isNew = await this.#writeOnce(item);
        return isNew || attempt > 1;
      } catch (error) {
        const mayPass = isVeilError(error) && (error.retryable || error.code === "NOT_FOUND");
        if (!mayPass || attempt >= MAX_WRITE_ATTEMPTS) throw error;
      }
  }

  async #writeOnce({ path, document, directory, opened }: HeadItem | ClientItem): Promise<boolean> {
    const { zookeeper } = this.#options;
    const node = await zookeeper.get(path);
    if (node?.data.equals(document)) return false;
    const found = node ? serialOf(path, node.data, directory.kmsPublicKey) : null;
    if (found !== null && found >= opened.serial)
      throw new VeilError("ROLLED_BACK", `${path}: ZooKeeper has serial ${found} meanwhile`);
    if (node) await zookeeper.set(path, document, node.version);
    else await zookeeper.create(path, document);
    return true;
  }
}

async function record({ heads, clients }: VerifiedBundle): Promise<void> {
  const paths = new Map<Floors, string[]>();
  for (const { opened, floors } of [...heads, ...clients.flat()]) {
    const list = paths.get(floors);
    if (list) list.push(opened.path);
    else paths.set(floors, [opened.path]);
  }
  await Promise.all([...paths].map(([floors, list]) => floors.record(list)));
}
