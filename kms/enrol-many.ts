/** `kms enrol --csv`: a fleet at once. Keys are made on worker threads, files are written in batches, scrypt is paid once. */
import { join } from "node:path";
import { VeilError } from "../core/errors.ts";
import { fileExists, makeFolder, replaceSecretFile } from "../core/runtime/files.ts";
import type { WorkerPool } from "../core/runtime/workers.ts";
import { generateAgePair } from "./age.ts";
import { readBatch, writeBatch } from "./batch-file.ts";
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
import type { EnrolList, ListedEnrolment, Problem } from "./enrol-list.ts";
import { commitInTurn, fleetWorkers, GRANT_BYTES, inBatches, inParallel } from "./fleet.ts";
import type { IssueAnswer, IssueTask } from "./issue-task.ts";
import { encodeMaster } from "./master-file.ts";
import type { Tenant } from "./tenant.ts";
import { countTopics } from "./topic-grants.ts";

/** In a bundle, estimated. */
const CLIENT_BYTES = 4_000;
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
  const epochs = tenant.master.epochs.length;
  const batches = inBatches(
    chosen,
    ({ topics }) => CLIENT_BYTES + GRANT_BYTES * topics.length * epochs,
  );
  let done = 0;
  const workshop = new Workshop(tenant, addresses, () => {
    done++;
    onProgress?.({ done, of: chosen.length });
  });
  let bundles: string[];
  try {
    bundles = await commitInTurn(batches, {
      make: (batch) => workshop.make(batch),
      commit: (made) => commitBatch(tenant, { made, folder }),
    });
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
  const cutOff = new Set(await readBatch(state, "enrol"));
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
    this.#pool = fleetWorkers("kms/issue-worker");
  }

  /** Takes serials for all of the batch at once. */
  async make(batch: readonly ListedEnrolment[]): Promise<Made[]> {
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
    "enrol",
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
  await writeBatch(state, "enrol", []);
  return bundle;
}

function credentialPath(folder: string, client: string): string {
  return join(folder, `${client}.cred.json`);
}
