/** What crosses between the bridge and its worker threads: text, bytes, and keys, which Node clones. */
import type { KeyObject } from "node:crypto";
import type { z } from "zod";
import type { epochSchema, halvesSchema, proxyHalvesSchema } from "../../core/wire/parameters.ts";

/** One computation for one client. Bytes arrive on either side as plain `Uint8Array`s. */
export type ProxyTask = {
  readonly tenant: string;
  readonly epoch: z.input<typeof epochSchema>;
} & (
  | {
      readonly work: "match";
      readonly halves: z.input<typeof halvesSchema>;
      readonly token: Uint8Array;
      /** Where the token has to be a trapdoor that this consumer signed. */
      readonly consumer: { readonly id: string; readonly publicKey: KeyObject } | undefined;
    }
  | {
      readonly work: "release";
      readonly halves: z.input<typeof proxyHalvesSchema>;
      readonly wrapped: Uint8Array;
    }
  | { readonly work: "check"; readonly wrapped: Uint8Array }
);

/** The tag (32 bytes) of a match, V of a release, nothing of a check. */
export type ProxyAnswer = Uint8Array;
