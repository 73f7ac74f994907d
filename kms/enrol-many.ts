/** `kms enrol --csv`: a fleet at once. Keys are made on worker threads, files are written in batches, scrypt is paid once. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists, makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import { WorkerPool } from "../core/runtime/workers.ts";
import { generateAgePair } from "./age.ts";
import { type BridgeAddresses, checkAddresses, readBridgeSettings } from "./bridge-settings.ts";
import { commitChange } from "./bundle.ts";
import {
  type ClientRecord,
  checkAbove,
  decodeClientRecord,
  encodeClientRecord,
  readClient,
  writeClient,
} from "./client-record.ts";
import type { PlacedDocument } from "./documents.ts";
import { readBatch, writeBatch } from "./enrol-batch.ts";
import type { EnrolList, ListedEnrolment, Problem } from "./enrol-list.ts";
import type { IssueAnswer, IssueTask } from "./issue-task.ts";
import { encodeMaster } from "./master-file.ts";
import type { Tenant } from "./tenant.ts";
import { countTopics } from "./topic-grants.ts";

const MAX_BATCH_CLIENTS = 500;
/** Of a bundle, estimated: a bridge takes 32 MiB at once. */
const MAX_BATCH_BYTES = 8 * 2 ** 20;
const CLIENT_BYTES = 4_000;
const GRANT_BYTES = 250;
const MAX_WORKERS = 16;
const WORKER_IDLE_MS = 5_000;
/** Files written at a time: most of their time is waiting for the disk. */
const CONCURRENT_FILES = 16;
const MAX_PROBLEMS_TOLD = 200;

export interface EnrolManyRequest {
  readonly list: EnrolList;
  /** What differs from the addresses given at init. */
  readonly addresses?: Partial<BridgeAddresses>;
  /** Who is enrolled already gets a new credential, and the old one ends. */
  readonly again?: boolean;
  /** Who is enrolled already stays as it is; who was being made when the command was cut off is made again. */
  readonly skipEnrolled?: boolean;
  /** Where the credentials go: `credentials/` of the tenant unless given. */
  readonly credentialFolder?: string | undefined;
  readonly onProgress?: (progress: { readonly done: number; readonly of: number }) => void;
}

export interface EnrolledMany {
  readonly enrolled: number;
  /** Were enrolled already. */
  readonly skipped: number;
  /** The folder. */
  readonly credentials: string;
  /** To be imported in this order, which is the order of their names. */
  readonly bundles: readonly string[];
  readonly seconds: number;
}

/** A client that is to be made, and what it was before. */
interface Candidate {
  readonly listed: ListedEnrolment;
  readonly previous: ClientRecord | null;
}

interface Made {
  readonly record: ClientRecord;
  readonly credential: string;
  readonly documents: readonly PlacedDocument[];
}

/**
 * Throws BAD_ARGUMENT with all problems, those of the list and clients that are enrolled already, before anything is
 * made; then as `enrol`. Cut off, it goes on with `skipEnrolled`.
 */
export async function enrolMany(tenant: Tenant, request: EnrolManyRequest): Promise<EnrolledMany> {
  const { list, onProgress } = request;
  const startedAtMs = performance.now();
  const addresses = { ...(await readBridgeSettings(tenant.state)).addresses, ...request.addresses };
  checkAddresses(addresses);
  const folder = request.credentialFolder ?? tenant.layout.credentials;
  const chosen = await choose(tenant, { ...request, folder });
  await makeFolder(folder);
  const batches = split(chosen, tenant.master.epochs.length);
  let done = 0;
  const workshop = new Workshop(tenant, addresses, () => {
    done++;
    onProgress?.({ done, of: chosen.length });
  });
  const bundles: string[] = [];
  try {
    // The next batch is computed while this one is written.
    let next = workshop.make(batches[0] ?? []);
    for (const batch of batches.keys()) {
      const made = await next;
      next = workshop.make(batches[batch + 1] ?? []);
      // Awaited in the next round; that it can fail before must not end the process in between.
      next.catch(() => undefined);
      bundles.push(await commitBatch(tenant, { made, folder }));
    }
  } finally {
    await workshop.close();
  }
  return {
    enrolled: chosen.length,
    skipped: list.clients.length - chosen.length,
    credentials: folder,
    bundles,
    seconds: (performance.now() - startedAtMs) / 1_000,
  };
}

async function choose(
  { state }: Tenant,
  { list, again, skipEnrolled, folder }: EnrolManyRequest & { readonly folder: string },
): Promise<ListedEnrolment[]> {
  const enrolled = new Set(await state.clients());
  const cutOff = new Set(await readBatch(state));
  const problems: Problem[] = [...list.problems];
  const chosen: ListedEnrolment[] = [];
  for (const listed of list.clients) {
    const { client, line } = listed;
    const resumes = skipEnrolled === true && cutOff.has(client);
    if (enrolled.has(client) && skipEnrolled && !resumes) continue;
    if (enrolled.has(client) && !again && !resumes)
      problems.push({ line, what: `${client} is enrolled already` });
    else if (!again && !resumes && (await fileExists(credentialPath(folder, client))))
      problems.push({ line, what: `${credentialPath(folder, client)} exists already` });
    chosen.push(listed);
  }
  if (problems.length > 0) throw refusal(problems);
  return chosen;
}

function refusal(problems: readonly Problem[]): VeilError {
  const told = problems.toSorted((a, b) => a.line - b.line).slice(0, MAX_PROBLEMS_TOLD);
  const lines = told.map(({ line, what }) => `\n  line ${line}: ${what}`);
  if (told.length < problems.length) lines.push(`\n  and ${problems.length - told.length} more`);
  const already = problems.some(({ what }) => what.endsWith("already"));
  return new VeilError("BAD_ARGUMENT", `nothing was made:${lines.join("")}`, {
    ...(already
      ? {
          hint: "--skip-enrolled leaves those as they are, and goes on where the last time was cut off",
        }
      : {}),
  });
}

/** In the list's order, each batch below the bounds; a client that is above them alone is a batch of its own. */
function split(clients: readonly ListedEnrolment[], epochs: number): ListedEnrolment[][] {
  const batches: ListedEnrolment[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const listed of clients) {
    const own = CLIENT_BYTES + GRANT_BYTES * listed.topics.length * epochs;
    const last = batches.at(-1);
    if (last && last.length < MAX_BATCH_CLIENTS && bytes + own <= MAX_BATCH_BYTES) {
      last.push(listed);
      bytes += own;
    } else {
      batches.push([listed]);
      bytes = own;
    }
  }
  return batches;
}

/** Makes clients on worker threads. */
class Workshop {
  readonly #tenant: Tenant;
  readonly #addresses: BridgeAddresses;
  readonly #onClient: () => void;
  readonly #master: string;
  readonly #pool: WorkerPool<IssueTask, IssueAnswer>;

  constructor(tenant: Tenant, addresses: BridgeAddresses, onClient: () => void) {
    this.#tenant = tenant;
    this.#addresses = addresses;
    this.#onClient = onClient;
    this.#master = encodeMaster(tenant.master);
    this.#pool = new WorkerPool({
      entry: "kms/issue-worker",
      maxWorkers: Math.min(availableParallelism(), MAX_WORKERS),
      maxQueued: MAX_BATCH_CLIENTS,
      idleMs: WORKER_IDLE_MS,
    });
  }

  /** Takes serials for all of the batch at once. */
  async make(batch: readonly ListedEnrolment[]): Promise<Made[]> {
    if (batch.length === 0) return [];
    const { state } = this.#tenant;
    const first = await state.takeSerials(batch.length);
    const candidates = await inParallel(batch, async (listed) => ({
      listed,
      previous: await readClient(state, listed.client),
    }));
    return await Promise.all(
      candidates.map((candidate, index) => this.#makeOne(candidate, first + index)),
    );
  }

  async close(): Promise<void> {
    await this.#pool.stop();
  }

  async #makeOne({ listed, previous }: Candidate, serial: number): Promise<Made> {
    checkAbove(serial, previous);
    const { client, signs, topics } = listed;
    const answer = await this.#pool.run({
      master: this.#master,
      client,
      serial,
      topics,
      signs,
      addresses: this.#addresses,
      previous: previous && encodeClientRecord(previous),
      newSigningKey: false,
      agePair: await generateAgePair(),
    });
    this.#onClient();
    return {
      record: decodeClientRecord(answer.record),
      credential: answer.credential,
      documents: answer.documents.map(({ path, document }) => ({
        path,
        document: Buffer.from(document),
      })),
    };
  }
}

async function commitBatch(
  tenant: Tenant,
  { made, folder }: { made: readonly Made[]; folder: string },
): Promise<string> {
  const { state } = tenant;
  const serial = made[0]?.record.serial;
  if (serial === undefined) throw new VeilError("INTERNAL", "a batch has clients");
  await writeBatch(
    state,
    made.map(({ record }) => record.client),
  );
  const bundle = await commitChange(tenant, {
    serial,
    label: `enrol-${made.length}-clients`,
    documents: made.flatMap(({ documents }) => documents),
    entries: made.map(({ record: { client, serial: own, topics } }) => ({
      op: "enrol" as const,
      client,
      serial: own,
      publish: countTopics(topics, "pub"),
      subscribe: countTopics(topics, "sub"),
    })),
    keep: async () => {
      await inParallel(made, ({ record }) => writeClient(state, record));
      await inParallel(made, ({ record, credential }) =>
        replaceSecretFile(credentialPath(folder, record.client), credential),
      );
    },
  });
  await writeBatch(state, []);
  return bundle;
}

function credentialPath(folder: string, client: string): string {
  return join(folder, `${client}.cred.json`);
}

/** The results in the order of `items`, with a bounded number under way. After a failure nothing more is begun. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      if (failed) return;
      results[index] = await work(item).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: CONCURRENT_FILES }, worker));
  const refused = ends.find((end) => end.status === "rejected");
  if (refused) throw refused.reason;
  return results;
}
