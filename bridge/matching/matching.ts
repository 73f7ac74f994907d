/**
 * The bridge's mathematics (PROTOCOL.md §2): from a token to its tag (PEnc), from W to V (PDec), *Check* of a W.
 * All of it runs in worker threads, also *Check*: half a millisecond of a blocked event loop for every garbled token
 * would be a gift to whoever sends them. A tag is computed once per client and token, and then known, also after a restart.
 */
import { availableParallelism } from "node:os";
import { VeilError } from "../../core/errors.ts";
import { RecentMap } from "../../core/runtime/recent-map.ts";
import { WorkerPool } from "../../core/runtime/workers.ts";
import { lp, sha256 } from "../../core/scheme/bytes.ts";
import { signsTrapdoors } from "../../core/scheme/suite.ts";
import type { Operation } from "../../core/wire/directory.ts";
import { encodeEpoch } from "../../core/wire/parameters.ts";
import { epochOfRecords, epochOfTags, notInForce } from "../directory/epochs.ts";
import type { Client, Tenant } from "../directory/types.ts";
import { keep } from "../keep.ts";
import { Allowance } from "./allowance.ts";
import { FairQueue } from "./fair-queue.ts";
import type { ProxyAnswer, ProxyTask } from "./proxy-task.ts";
import type { TagFile } from "./tag-file.ts";

/** Kept, also on disk. */
export const MAX_KNOWN_TAGS = 100_000;
/** So much may have to be computed again after a kill -9. */
const SAVE_INTERVAL_MS = 5 * 60_000;
const MAX_QUEUED = 20_000;
const MAX_QUEUED_PER_TENANT = 5000;
/** Two full `POST /v1/keys`. */
const MAX_QUEUED_PER_CLIENT = 512;
const IDLE_WORKER_MS = 10_000;

export interface MatchRequest {
  readonly tenant: Tenant;
  readonly client: Client;
  /** `pub` for a producer's token, `sub` for a consumer's trapdoor: suite `pki` takes neither for the other. */
  readonly operation: Operation;
  readonly epoch: number;
  readonly token: Uint8Array;
}

export interface ReleaseRequest {
  readonly tenant: Tenant;
  /** The consumer. */
  readonly client: Client;
  readonly epoch: number;
  /** W of a registered announcement, never a value from the consumer. */
  readonly wrapped: Uint8Array;
}

export interface MatchingOptions {
  /** Told of every match: computed, or known; and whose. */
  readonly onMatch?: (source: "computed" | "cached", tenant: string) => void;
  /** Where tags are kept from one start to the next; without it, nowhere. */
  readonly file?: Pick<TagFile, "load" | "save">;
  readonly maxWorkers?: number;
  /** Of the clients' buckets. */
  readonly nowMs?: () => number;
  /** Milliseconds since 1970, for the ends of epochs. */
  readonly clockMs?: () => number;
}

export class Matching {
  readonly #onMatch: (source: "computed" | "cached", tenant: string) => void;
  readonly #workers: WorkerPool<ProxyTask, ProxyAnswer>;
  readonly #queue: FairQueue;
  readonly #allowance: Allowance;
  readonly #clockMs: () => number;
  readonly #tags = new RecentMap<string, Buffer>({ max: MAX_KNOWN_TAGS });
  readonly #file: MatchingOptions["file"];
  #unsaved = 0;
  #saving: Promise<void> = Promise.resolve();
  #saver: NodeJS.Timeout | undefined;
  /** So that the same question, asked again while it is being computed, is not computed twice. */
  readonly #underWay = new Map<string, Promise<Buffer>>();

  constructor(options: MatchingOptions = {}) {
    const maxWorkers = options.maxWorkers ?? availableParallelism();
    this.#onMatch = options.onMatch ?? (() => undefined);
    this.#file = options.file;
    this.#allowance = new Allowance(options.nowMs);
    this.#clockMs = options.clockMs ?? Date.now;
    this.#workers = new WorkerPool({
      entry: "bridge/matching/proxy-worker",
      maxWorkers,
      maxQueued: maxWorkers,
      idleMs: IDLE_WORKER_MS,
    });
    this.#queue = new FairQueue({
      maxRunning: maxWorkers,
      maxQueued: MAX_QUEUED,
      maxQueuedPerTenant: MAX_QUEUED_PER_TENANT,
      maxQueuedPerClient: MAX_QUEUED_PER_CLIENT,
    });
  }

  /** Takes over what was known when it stopped, and saves now and then what it learns. Nothing without a file. */
  async start(): Promise<void> {
    if (!this.#file) return;
    for (const [question, tag] of await this.#file.load()) this.#tags.set(question, tag);
    this.#saver = setInterval(() => this.#saveSoon(), SAVE_INTERVAL_MS).unref();
  }

  /** Computations that wait for their turn. */
  get queued(): number {
    return this.#queue.queued;
  }

  /**
   * PEnc: the 32-byte tag of a token or trapdoor. Whether the client may use the tag is the caller's question.
   * Throws REVOKED, EPOCH, BAD_TOKEN, and LIMIT when the client's bucket is empty or too much waits.
   */
  async match(request: MatchRequest): Promise<Buffer> {
    const { client } = request;
    const task = matchTask(request, this.#clockMs());
    const id = questionId(client, task);
    const known = this.#tags.get(id);
    if (known) {
      this.#onMatch("cached", client.login.tenant);
      return known;
    }
    return this.#underWay.get(id) ?? this.#compute(client, id, task);
  }

  /** PDec: V. Throws REVOKED, EPOCH, BAD_RECORD for a W that fails *Check*, LIMIT. */
  async release(request: ReleaseRequest): Promise<Buffer> {
    return this.#run(request.client, releaseTask(request, this.#clockMs()));
  }

  /** *Check* of an announcement's W, for any epoch whose records count. Throws EPOCH, BAD_RECORD, LIMIT. */
  async checkWrapped({ tenant, client, epoch, wrapped }: ReleaseRequest): Promise<void> {
    const { parameters } = epochOfRecords(tenant, epoch, this.#clockMs());
    const realm = { tenant: tenant.name, epoch };
    await this.#run(client, { work: "check", realm, parameters, wrapped });
  }

  async stop(): Promise<void> {
    this.#queue.clear(new VeilError("STOPPED", "the bridge stops"));
    await this.#workers.stop();
    clearInterval(this.#saver);
    this.#saveSoon();
    await this.#saving;
  }

  #saveSoon(): void {
    const file = this.#file;
    if (!file || this.#unsaved === 0) return;
    this.#unsaved = 0;
    // As they are now: while they are written, others are used, and that changes their order.
    const known = [...this.#tags.entries()];
    this.#saving = this.#saving.then(() => file.save(known));
  }

  #compute(client: Client, id: string, task: ProxyTask): Promise<Buffer> {
    const { login, grants } = client;
    // A client without grants still gets one answer: what is not granted reads as not found, not as LIMIT.
    if (!this.#allowance.take(`${login.client}@${login.tenant}`, Math.max(1, grants.size)))
      return Promise.reject(new VeilError("LIMIT", "too many new topics at once"));
    const underWay = this.#run(client, task)
      .then((tag) => {
        this.#tags.set(id, tag);
        this.#unsaved += 1;
        this.#onMatch("computed", login.tenant);
        return tag;
      })
      .finally(() => this.#underWay.delete(id));
    this.#underWay.set(id, underWay);
    return underWay;
  }

  async #run({ login }: Client, task: ProxyTask): Promise<Buffer> {
    return keep(await this.#queue.run(login, () => this.#workers.run(task)));
  }
}

type MatchTask = Extract<ProxyTask, { work: "match" }>;

function matchTask(request: MatchRequest, nowMs: number): MatchTask {
  const { tenant, client, operation, epoch, token } = request;
  refuseRevoked(client);
  const { parameters } = epochOfTags(tenant, epoch, nowMs);
  const { tag } = client.halves.get(epoch) ?? {};
  if (!tag) throw notInForce();
  // Who signed the trapdoor, where trapdoors are signed.
  const isSigned = operation === "sub" && signsTrapdoors(parameters.suite);
  return {
    work: "match",
    realm: { tenant: tenant.name, epoch },
    parameters,
    halves: { tag },
    token,
    consumer: isSigned ? { id: client.login.client, publicKey: client.signingKey } : undefined,
  };
}

function releaseTask(request: ReleaseRequest, nowMs: number): ProxyTask {
  const { tenant, client, epoch, wrapped } = request;
  refuseRevoked(client);
  const { parameters } = epochOfRecords(tenant, epoch, nowMs);
  const { record } = client.halves.get(epoch) ?? {};
  if (!record) throw notInForce();
  const realm = { tenant: tenant.name, epoch };
  return { work: "release", realm, parameters, halves: { record }, wrapped };
}

function refuseRevoked({ status }: Client): void {
  if (status === "revoked") throw new VeilError("REVOKED", "the client is revoked");
}

/**
 * What a tag depends on, as a digest: the client, whose signature its trapdoor needs, the epoch's parameters, its half,
 * the token. With a document that changes any of them the cache asks anew; nothing has to be invalidated, and no
 * secret is a key.
 */
function questionId({ login }: Client, task: MatchTask): string {
  const { realm, parameters, halves, consumer } = task;
  const { tenant, epoch } = realm;
  return sha256(
    lp(tenant),
    lp(login.client),
    lp(consumer?.publicKey.export({ type: "spki", format: "der" }) ?? ""),
    lp(JSON.stringify([encodeEpoch({ epoch, parameters }), halves.tag.toString("base64url")])),
    task.token,
  ).toString("base64");
}
