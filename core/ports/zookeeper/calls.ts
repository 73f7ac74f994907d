/** Calls on whichever connection there is: each waits for one, and for its answer, until its deadline. */
import { isVeilError, VeilError } from "../../errors.ts";
import type { Connection, Deadline } from "./connection.ts";

/** Calls that wait for a connection or an answer; more are refused with LIMIT. */
const MAX_CALLS = 4_096;

export type Call<T> = (connection: Connection, deadline: Deadline) => Promise<T>;

export interface CallsOptions {
  readonly timeoutMs: number;
  /** The present connection, if it is open. */
  readonly connection: () => Connection | undefined;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: VeilError) => void;
}

export class Calls {
  readonly #options: CallsOptions;
  readonly #waiters = new Set<Waiter>();
  #count = 0;
  #isStopped = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** There is a connection again. */
  connected(connection: Connection): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(connection);
  }

  /** What waits for a connection, and what comes from now on, rejects with STOPPED. */
  stop(): void {
    this.#isStopped = true;
    for (const waiter of [...this.#waiters]) waiter.reject(stopped());
  }

  /** Runs `call` on the present connection, or on the next; once. */
  async once<T>(call: Call<T>): Promise<T> {
    return this.#limited(async (deadline) => call(await this.#next(deadline), deadline));
  }

  /** As `once`, and again on the next connection where one is lost. */
  async repeat<T>(call: Call<T>): Promise<T> {
    return this.#limited(async (deadline) => {
      for (;;) {
        const connection = await this.#next(deadline);
        try {
          return await call(connection, deadline);
        } catch (error) {
          if (!isVeilError(error, "UNAVAILABLE")) throw error;
        }
      }
    });
  }

  async #limited<T>(call: (deadline: Deadline) => Promise<T>): Promise<T> {
    if (this.#count >= MAX_CALLS) throw new VeilError("LIMIT", "too many ZooKeeper calls wait");
    this.#count++;
    try {
      return await call({ atMs: performance.now() + this.#options.timeoutMs });
    } finally {
      this.#count--;
    }
  }

  async #next(deadline: Deadline): Promise<Connection> {
    if (this.#isStopped) throw stopped();
    const present = this.#options.connection();
    if (present) return present;
    return new Promise<Connection>((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        resolve: (connection) => {
          leave();
          resolve(connection);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const timer = setTimeout(
        () => waiter.reject(new VeilError("UNAVAILABLE", "there is no connection to ZooKeeper")),
        Math.max(0, deadline.atMs - performance.now()),
      );
      this.#waiters.add(waiter);
    });
  }
}

/** `call`, with `null` where there is no such node. */
export function orNull<T>(call: Call<T>): Call<T | null> {
  return async (connection, deadline) => {
    try {
      return await call(connection, deadline);
    } catch (error) {
      if (isVeilError(error, "NOT_FOUND")) return null;
      throw error;
    }
  };
}

function stopped(): VeilError {
  return new VeilError("STOPPED", "the ZooKeeper client is stopped");
}
