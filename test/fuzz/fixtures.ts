/** Keys and a data key, the same in every run: a seed must give the same bytes again. */
import { splitHalves } from "../../core/scheme/owner.ts";
import { AEAD } from "../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../core/scheme/record/key.ts";
import { rsaPublicParameters } from "../../core/scheme/rsa/owner.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { Random } from "./random.ts";

const random = new Random("fixtures");
/** Randomness for what is sealed: repeatable, and never for anything but tests. */
export const bytes = (length: number): Buffer => random.bytes(length);

export const TENANT = "acme";
export const CLIENT = "device-1";
export const REALM = { tenant: TENANT, epoch: 1 };
export const PARAMETERS = rsaPublicParameters(FIXTURE_MASTER, {});
export const HALVES = splitHalves({ master: FIXTURE_MASTER, random: bytes, consumer: true });
export const BRIDGE_KEY = Buffer.alloc(32, 3);

/** Ed25519, RFC 8032 §7.1, test 1: one pair signs for everybody. */
const SEED = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
export const PUBLIC_KEY_BYTES = Buffer.from(
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  "hex",
);
export const SIGNING_KEY = importSigningKey(SEED);
export const PUBLIC_KEY = importPublicKey(PUBLIC_KEY_BYTES);

export const RECORD_KEY = deriveRecordKey({
  suite: SUITE.rsa,
  aead: AEAD.aes256Gcm,
  realm: REALM,
  topic: "field/north",
  producerId: CLIENT,
  ikm: Buffer.alloc(256, 7),
});

/** JSON as it lies on the wire. */
export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}

/** Sizes of pieces that depend on `input` alone: a printed input replays in the same pieces. */
export function piecesOf(input: Buffer): Buffer[] {
  const sizes = new Random(input.toString("hex"));
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const size = 1 + sizes.below(sizes.oneIn(3) ? 4 : 400);
    pieces.push(input.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
