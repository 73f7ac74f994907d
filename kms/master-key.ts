/** The keys of an epoch: which suite, which size, and the search for them. */
import { randomBytes } from "node:crypto";
import { VeilError } from "../core/errors.ts";
import { generateMaster, type Master, type MasterOptions } from "../core/scheme/owner.ts";

const DEFAULT_BITS = 3072;
/** Two moduli of two primes. */
const PRIMES = 4;

type Suite = MasterOptions["suite"];
type RsaOptions = Extract<MasterOptions, { readonly suite: "rsa" }>;

/** The suite of an epoch's keys, and their size where the suite has sizes. */
export type KeyKind =
  | Pick<RsaOptions, "suite" | "bits">
  | { readonly suite: Exclude<Suite, RsaOptions["suite"]> };

export interface KeyRequest {
  /** With `hmac` and `pki` all clients share a key. */
  readonly suite?: Suite | undefined;
  /** With `rsa` only, the size of each modulus: 3072 unless given. */
  readonly bits?: RsaOptions["bits"] | undefined;
  /** Told of `done: 0` when the search of safe primes begins, which only `rsa` has. */
  readonly onProgress?: NonNullable<RsaOptions["onProgress"]>;
  readonly signal?: AbortSignal;
  /** Where safe primes come from: a test cannot wait for them. */
  readonly primes?: NonNullable<RsaOptions["source"]>;
}

/** What is asked for; `suite` where nothing is said of it. Throws BAD_ARGUMENT for a size that a suite does not have. */
export function keyKindOf({ suite, bits }: KeyRequest, otherwise: KeyKind): KeyKind {
  if (suite === undefined && bits === undefined) return otherwise;
  const asked = suite ?? otherwise.suite;
  if (asked === "rsa") return { suite: asked, bits: bits ?? DEFAULT_BITS };
  if (bits !== undefined)
    throw new VeilError("BAD_ARGUMENT", `keys of suite ${asked} have one size`, {
      hint: "leave out --bits: it is for suite rsa",
    });
  return { suite: asked };
}

/** `rsa` unless another suite is asked for: what a tenant begins with. */
export const DEFAULT_KIND: KeyKind = { suite: "rsa", bits: DEFAULT_BITS };

/** With `rsa` a search: seconds at 2048 bits, minutes above. Throws STOPPED after an abort. */
export async function generateKeys(request: KeyRequest, kind: KeyKind): Promise<Master> {
  const { onProgress, signal, primes } = request;
  if (kind.suite !== "rsa") return await generateMaster({ ...kind, random: randomBytes });
  onProgress?.({ done: 0, of: PRIMES });
  return await generateMaster({
    ...kind,
    random: randomBytes,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
    ...(primes ? { source: primes } : {}),
  });
}
