/**
 * `POST /v1/import` (PROTOCOL.md §4): nobody logs in, since the signature on each document is the authority. So the
 * door is narrow: bodies share one room, one at a time comes from each address (of IPv6, each /64), and whoever brings
 * what is refused waits.
 */
import type { Readable } from "node:stream";
import { VeilError } from "../../core/errors.ts";
import { WorkerPool } from "../../core/runtime/workers.ts";
import { type Bundle, bundleSchema } from "../../core/wire/directory.ts";
import { parseJson } from "../../core/wire/fields.ts";
import type { ImportResponse } from "../../core/wire/http.ts";
import type { Directory } from "../directory/types.ts";
import { networkOf } from "../limits/network.ts";
import { Places, RateLimit } from "../limits/rate-limit.ts";
import { BodyRoom } from "./body-room.ts";
import { type BundleParts, putTogether } from "./bundle-parts.ts";

const MAX_BODY_BYTES = 32 * 2 ** 20;
/** Of bodies that are being received or worked on; the directory takes them one after the other. */
const MAX_ROOM_BYTES = 4 * MAX_BODY_BYTES;
const MAX_BODIES_PER_ADDRESS = 1;
/** A fleet's bundles may come one by one; after two refusals an address waits 5 s for each. */
const RATE = { burst: 200, perSecond: 20 } as const;
const REFUSED_COST = 100;
/** Parsed at once; a larger body in a thread of its own, since 29 MiB would keep everybody waiting for 0.3 s. */
const MAX_PARSED_HERE_BYTES = 128 * 1024;
/** More do not fit into the room. */
const MAX_QUEUED = MAX_ROOM_BYTES / MAX_PARSED_HERE_BYTES;
const IDLE_WORKER_MS = 10_000;

/** One request, from its head to its answer. */
export interface ImportVisit {
  /** As `RoomBody.receive`. */
  receive(stream: Readable): Promise<Buffer>;
  leave(): void;
}

export class Imports {
  readonly #directory: Pick<Directory, "import">;
  readonly #room = new BodyRoom({ maxBytes: MAX_ROOM_BYTES, maxBytesPerBody: MAX_BODY_BYTES });
  readonly #addresses = new Places(() => MAX_BODIES_PER_ADDRESS);
  readonly #rate = new RateLimit(RATE);
  readonly #parser = new WorkerPool<Uint8Array, BundleParts>({
    entry: "bridge/http/import-worker",
    ...{ maxWorkers: 1, maxQueued: MAX_QUEUED, idleMs: IDLE_WORKER_MS },
  });

  constructor(options: { readonly directory: Pick<Directory, "import"> }) {
    this.#directory = options.directory;
  }

  /** Before a body is received. Throws LIMIT. */
  enter(address: string): ImportVisit {
    const network = networkOf(address);
    this.#rate.take(network);
    const leaveAddress = this.#addresses.enter(network);
    const body = this.#room.enter();
    return {
      receive: (stream) => body.receive(stream),
      leave: () => {
        body.leave();
        leaveAddress();
      },
    };
  }

  /** Throws BAD_DOCUMENT for what is no bundle, and as `Directory.import`. */
  async take(address: string, body: Uint8Array): Promise<ImportResponse> {
    try {
      return await this.#directory.import(await this.#parse(body));
    } catch (error) {
      if (error instanceof VeilError && !error.retryable)
        this.#rate.charge(networkOf(address), REFUSED_COST);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#parser.stop();
  }

  async #parse(body: Uint8Array): Promise<Bundle["documents"]> {
    if (body.length > MAX_PARSED_HERE_BYTES) return putTogether(await this.#parser.run(body));
    return parseJson(body, bundleSchema, "BAD_DOCUMENT").documents;
  }
}
