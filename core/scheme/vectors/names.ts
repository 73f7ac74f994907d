/**
 * How the fields of vector files are spelt. Others write `T_i` for `Ti`, `Tag` for `tag` or `producerId` for `producer`: a
 * value under such a name is held against this build like any other.
 */

/** The names of one shape. */
export interface Names {
  /** As the checkers ask for them. */
  readonly known: readonly string[];
  /** Other names for them, by {@link plain}. */
  readonly synonyms?: Readonly<Record<string, string>>;
  /** Names with a client's letters in them. */
  readonly families?: readonly (readonly [RegExp, (...parts: string[]) => string])[];
}

const CASE = ["suite", "kind", "cases", "tenant", "epoch", "topic", "C", "tag", "name"];
const CASE_SYNONYMS = { topicname: "topic", canonical: "C", kafkatopic: "name" };

const RSA: Names = {
  known: [...CASE, "N", "p", "q", "e", "h"],
  synonyms: { ...CASE_SYNONYMS, t: "Ti" },
  families: [
    [/^e_?([a-z]+)_?([12])$/i, (client, side) => `e${client.toLowerCase()}${side}`],
    [/^T_?([a-z]+)$/, (client) => `T${client}`],
  ],
};

const P256: Names = {
  known: [...CASE, "k", "Hx"],
  synonyms: { ...CASE_SYNONYMS, t: "Ti", h: "Hx" },
  families: [
    [/^k_?([a-z]+)_?([12])$/i, (client, side) => `k_${client.toLowerCase()}${side}`],
    [/^T_?([a-z]+)$/, (client) => `T${client}`],
  ],
};

const HMAC: Names = {
  known: [...CASE, "K_c", "K_s", "T"],
  synonyms: CASE_SYNONYMS,
  // All clients share the key, and have one token.
  families: [[/^T_?[a-z]+$/, () => "T"]],
};

const PKI: Names = {
  known: [...CASE, "K_org", "K_s", "j", "sk", "pk", "h", "T_i", "T_j"],
  synonyms: { ...CASE_SYNONYMS, t: "T_i", clientid: "j", client: "j", consumer: "j" },
};

const PAPER: Names = {
  known: [
    ...["suite", "kind", "cases", "topic", "N", "phi", "e", "d", "EI1", "EI2", "EJ1", "EJ2"],
    ...["sha256", "enc_EI1", "trapdoor_EJ1", "zenc"],
  ],
};

const RECORD: Names = {
  known: [
    ...["suite", "kind", "cases", "tenant", "epoch", "topic", "producer", "aead", "flags", "seq"],
    ...["ts", "plaintext", "N", "p", "q", "e", "r", "W", "V", "S", "d_j1", "d_j2"],
    ...["x", "X", "x_j1", "x_j2", "K_c", "K_org", "sk", "pk"],
    ...["salt", "K", "iv", "commit", "kid", "nonce", "hdr", "aad", "ciphertext", "auth_tag"],
    ...["signature", "record"],
  ],
  synonyms: {
    producerid: "producer",
    tsms: "ts",
    timems: "ts",
    timestamp: "ts",
    header: "hdr",
    datakey: "K",
    key: "K",
    nrec: "N",
    publicexponent: "e",
    publickey: "pk",
    secretkey: "sk",
    sig: "signature",
  },
};

/** By the `suite`, or the `kind`, of a file. */
export const NAMES: Readonly<Record<string, Names>> = {
  rsa: RSA,
  p256: P256,
  hmac: HMAC,
  pki: PKI,
  paper: PAPER,
  record: RECORD,
};

/** What a checker asks for where a file says `name`; `name` itself where it is none of the shape's. */
export function canonicalName(name: string, names: Names | undefined): string {
  if (!names || names.known.includes(name)) return name;
  const alike = names.known.filter((known) => plain(known) === plain(name));
  const [only] = alike;
  if (only !== undefined && alike.length === 1) return only;
  for (const [pattern, spell] of names.families ?? []) {
    const match = pattern.exec(name);
    if (match) return spell(...match.slice(1));
  }
  return names.synonyms?.[plain(name)] ?? name;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

const COMMENT =
  /^(about|notes?|comments?|remarks?|description|source|origin|reference|title|name|label|id|figures|rfc|section|author|date|created|generat(ed|or).*|version|licen[cs]e|url|encoding|[_$/#].*)$/i;

/** Whether a field is there to be read by people. */
export function isComment(name: string): boolean {
  return COMMENT.test(name);
}
