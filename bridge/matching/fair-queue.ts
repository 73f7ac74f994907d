/**
 * A bounded queue that is fair between tenants, and within a tenant between its clients: each in turn, and one job of
 * a client at a time (PROTOCOL.md §5). Whoever asks for much waits behind himself.
 */
import { VeilError } from "../../core/errors.ts";
import type { Login } from "../../core/wire/login.ts";

export interface FairQueueLimits {
  /** Jobs at the same time. */
  readonly maxRunning: number;
  readonly maxQueued: number;
  readonly maxQueuedPerTenant: number;
  readonly maxQueuedPerClient: number;
}

interface Job {
  run(): Promise<void>;
  refuse(error: VeilError): void;
}

/** Clients with waiting jobs, the longest unserved first: a Map keeps the order of insertion. */
interface TenantQueue {
  readonly clients: Map<string, Job[]>;
  queued: number;
}

export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #tenants = new Map<string, TenantQueue>();
  /** `tenant/client` of the jobs that run. */
  readonly #running = new Set<string>();
  #queued = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get queued(): number {
    return this.#queued;
  }

  /** Runs `job` when its turn comes; settles as it does. Throws LIMIT where too many wait. */
  async run<T>(login: Login, job: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#add(login, { run: () => job().then(resolve, reject), refuse: reject });
      this.#next();
    });
  }

  /** Refuses everything that waits, with `error`. */
  clear(error: VeilError): void {
    const waiting = [...this.#tenants.values()].flatMap((queue) => [...queue.clients.values()]);
    this.#tenants.clear();
    this.#queued = 0;
    for (const job of waiting.flat()) job.refuse(error);
  }

  #add({ tenant, client }: Login, job: Job): void {
    const queue = this.#tenants.get(tenant) ?? { clients: new Map<string, Job[]>(), queued: 0 };
    const jobs = queue.clients.get(client) ?? [];
    const { maxQueued, maxQueuedPerTenant, maxQueuedPerClient } = this.#limits;
    if (
      this.#queued >= maxQueued ||
      queue.queued >= maxQueuedPerTenant ||
      jobs.length >= maxQueuedPerClient
    )
      throw new VeilError("LIMIT", "too many computations wait");
    jobs.push(job);
    queue.clients.set(client, jobs);
    queue.queued += 1;
    this.#tenants.set(tenant, queue);
    this.#queued += 1;
  }

  #next(): void {
    while (this.#running.size < this.#limits.maxRunning) {
      const turn = this.#take();
      if (!turn) return;
      this.#running.add(turn.client);
      void turn.job.run().finally(() => {
        this.#running.delete(turn.client);
        this.#next();
      });
    }
  }

  /** The first job of the first client that is not being served, of the first tenant that has one. */
  #take(): { job: Job; client: string } | undefined {
    for (const [tenant, queue] of this.#tenants) {
      for (const [name, jobs] of queue.clients) {
        const client = `${tenant}/${name}`;
        if (this.#running.has(client)) continue;
        const job = jobs.shift();
        if (!job) continue;
        this.#queued -= 1;
        queue.queued -= 1;
        moveToEnd(queue.clients, name, jobs.length > 0);
        moveToEnd(this.#tenants, tenant, queue.queued > 0);
        return { job, client };
      }
    }
    return undefined;
  }
}

function moveToEnd<V>(map: Map<string, V>, key: string, keep: boolean): void {
  const value = map.get(key);
  map.delete(key);
  if (keep && value !== undefined) map.set(key, value);
}
