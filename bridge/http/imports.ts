/**
 * `POST /v1/import` (PROTOCOL.md §4): nobody logs in, since the signature on each document is the authority. So
 * the door is narrow: few bodies at a time, one from each address, and whoever brings what is refused waits.
 */
import { VeilError } from "../../core/errors.ts";
import { bundleSchema } from "../../core/wire/directory.ts";
import { parseJson } from "../../core/wire/fields.ts";
import type { ImportResponse } from "../../core/wire/http.ts";
import type { Directory } from "../directory/types.ts";
import { Places, RateLimit } from "./rate-limit.ts";

export const MAX_IMPORT_BYTES = 32 * 2 ** 20;
/** Bodies that are being received or worked on; the directory takes them one after the other. */
const MAX_BODIES = 4;
const MAX_BODIES_PER_ADDRESS = 1;
/** A fleet's bundles may come one by one; after two refusals an address waits 5 s for each. */
const RATE = { burst: 200, perSecond: 20 } as const;
const REFUSED_COST = 100;

export class Imports {
  readonly #directory: Pick<Directory, "import">;
  readonly #bodies = new Places(() => MAX_BODIES);
  readonly #addresses = new Places(() => MAX_BODIES_PER_ADDRESS);
  readonly #rate = new RateLimit(RATE);

  constructor(options: { readonly directory: Pick<Directory, "import"> }) {
    this.#directory = options.directory;
  }

  /** Before a body is received; returns how to leave. Throws LIMIT. */
  enter(address: string): () => void {
    this.#rate.take(address);
    const leaveAddress = this.#addresses.enter(address);
    try {
      const leaveBodies = this.#bodies.enter("all");
      return () => {
        leaveBodies();
        leaveAddress();
      };
    } catch (error) {
      leaveAddress();
      throw error;
    }
  }

  /** Throws BAD_DOCUMENT for what is no bundle, and as `Directory.import`. */
  async take(address: string, body: Uint8Array): Promise<ImportResponse> {
    try {
      const { documents } = parseJson(body, bundleSchema, "BAD_DOCUMENT");
      return await this.#directory.import(documents);
    } catch (error) {
      if (error instanceof VeilError && !error.retryable) this.#punish(address);
      throw error;
    }
  }

  #punish(address: string): void {
    try {
      this.#rate.take(address, REFUSED_COST);
    } catch {
      // Nothing is left to take: the address waits already.
    }
  }
}
