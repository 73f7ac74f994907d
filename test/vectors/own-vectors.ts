/**
 * Our own vector files, `pki.json` and `record-*.json`, made anew from the randomness that they record: a second
 * implementation of PROTOCOL.md §2.1, §2.3, §2.4 and §3, which shares with the first the byte notation of
 * core/scheme/bytes.ts and nothing else. Curves and signatures are @noble's, where the scheme has node:crypto's; key wrap is
 * written out. `write.ts` writes the files; a test holds them to this.
 */
import { createCipheriv } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import {
  base32,
  hkdf,
  hmacSha256,
  i2osp,
  join,
  lp,
  os2ip,
  sha256,
} from "../../core/scheme/bytes.ts";

type Json = Record<string, unknown>;

const TENANT = "acme";
const EPOCH = 1;
const REALM = join(lp(TENANT), i2osp(EPOCH, 4));
const PRODUCER = "dev-0001";
const CONSUMER = "desk-7";
const TIME_MS = 1_700_000_000_000;

const K_C = Buffer.alloc(32, 0x11);
const K_ORG = Buffer.alloc(32, 0x33);
const K_S = Buffer.alloc(32, 0x44);
const SIGNING_SEED = Buffer.alloc(32, 0x55);

/** By file name. */
export function ownVectors(): Record<string, Json> {
  return {
    "pki.json": pkiFile(),
    "record-p256.json": p256Record(),
    "record-hmac.json": symmetricRecord({ suite: "hmac", name: "K_c", key: K_C }),
    "record-pki.json": symmetricRecord({ suite: "pki", name: "K_org", key: K_ORG }),
  };
}

function pkiFile(): Json {
  return {
    about:
      "Suite 'pki'. i is any producer, j the consumer with this clientId; sk is its Ed25519 seed, pk its public key; T_i is a producer's token, T_j the consumer's signed trapdoor. Hexadecimal.",
    suite: "pki",
    K_org: hex(K_ORG),
    K_s: hex(K_S),
    j: CONSUMER,
    sk: hex(SIGNING_SEED),
    pk: hex(ed25519.getPublicKey(SIGNING_SEED)),
    cases: ["topic-1", "Kühlraum/3"].map(pkiCase),
  };
}

function pkiCase(topic: string): Json {
  const h = hmacSha256(K_ORG, "VEILMQ-V01-pki-h\0", REALM, lp(topic));
  const signed = join("VEILMQ-V01-pki-sub\0", REALM, lp(CONSUMER), h);
  const canonical = hmacSha256(K_S, "VEILMQ-V01-pki-s\0", h);
  const tag = sha256("VEILMQ-V01-tag\0", Buffer.of(0x05), REALM, canonical);
  return {
    tenant: TENANT,
    epoch: EPOCH,
    topic,
    h: hex(h),
    T_i: hex(h),
    T_j: hex(join(h, ed25519.sign(signed, SIGNING_SEED))),
    C: hex(canonical),
    tag: hex(tag),
    name: `veil-${base32(tag)}`,
  };
}

function p256Record(): Json {
  const [x, x1, r] = [recordedScalar("x"), recordedScalar("x_j1"), recordedScalar("r")];
  const { Fn } = p256.Point;
  const x2 = Fn.mul(x, Fn.inv(x1));
  const publicX = p256.Point.BASE.multiply(x);
  const wrapped = xOf(p256.Point.BASE.multiply(r));
  const secret = xOf(publicX.multiply(r));
  const keys = {
    x: scalarHex(x),
    X: hex(xOf(publicX)),
    x_j1: scalarHex(x1),
    x_j2: scalarHex(x2),
    r: scalarHex(r),
    W: hex(wrapped),
    V: hex(xOf(lift(wrapped).multiply(x2))),
    S: hex(secret),
  };
  return record({ suite: "p256", suiteId: 0x03, keys, ikm: secret, aead: 1, flags: 1, seq: 0n });
}

function symmetricRecord(input: { suite: "hmac" | "pki"; name: string; key: Buffer }): Json {
  const { suite, name, key } = input;
  const r = sha256(`VEILMQ vector ${suite} r`);
  const kek = hkdf(key, { info: join("VEILMQ-V01-wrap\0", REALM), length: 32 });
  const wrapped = hex(wrap(kek, r));
  const keys = { [name]: hex(key), r: hex(r), W: wrapped, V: wrapped };
  return suite === "hmac"
    ? record({ suite, suiteId: 0x04, keys, ikm: r, aead: 2, flags: 1, seq: 1n })
    : record({ suite, suiteId: 0x05, keys, ikm: r, aead: 1, flags: 0, seq: 2n ** 32n - 1n });
}

/** PROTOCOL.md §3, from the IKM on. */
function record(input: {
  suite: string;
  suiteId: number;
  keys: Json;
  ikm: Buffer;
  aead: 1 | 2;
  flags: 0 | 1;
  seq: bigint;
}): Json {
  const { suite, suiteId, keys, ikm, aead, flags, seq } = input;
  const [topic, plaintext] = ["topic-1", '{"t":21.5}'];
  const bound = join(REALM, lp(topic), lp(PRODUCER));
  const salt = sha256("VEILMQ-V01-kdf\0", Buffer.of(suiteId), bound);
  const expand = (label: string, tail: number[], length: number): Buffer =>
    hkdf(ikm, { salt, info: join(label, Buffer.from(tail)), length });
  const key = expand("VEILMQ-V01 key\0", [aead], 32);
  const iv = expand("VEILMQ-V01 iv\0", [aead], 12);
  const commit = expand("VEILMQ-V01 commit\0", [], 32);
  const kid = commit.subarray(0, 16);
  const header = join(
    Buffer.from([0x56, 0x51, 1, suiteId, aead, flags]),
    i2osp(EPOCH, 4),
    kid,
    i2osp(seq, 8),
    i2osp(TIME_MS, 8),
  );
  const aad = join(header, sha256("VEILMQ-V01-aad\0", bound));
  const body = flags === 1 ? padded(Buffer.from(plaintext)) : Buffer.from(plaintext);
  const nonce = i2osp(os2ip(iv) ^ seq, 12);
  return {
    about: `One record under suite '${suite}'. plaintext is text, lengths and numbers are decimal, all else is hexadecimal.`,
    kind: "record",
    suite,
    tenant: TENANT,
    epoch: EPOCH,
    topic,
    producer: PRODUCER,
    aead: aead === 1 ? "AES-256-GCM" : "ChaCha20-Poly1305",
    flags,
    seq: String(seq),
    ts: TIME_MS,
    plaintext,
    ...keys,
    salt: hex(salt),
    K: hex(key),
    iv: hex(iv),
    commit: hex(commit),
    kid: hex(kid),
    hdr: hex(header),
    aad: hex(aad),
    record: hex(join(header, seal({ aead, key, nonce, aad, body }))),
  };
}

function seal(input: { aead: 1 | 2; key: Buffer; nonce: Buffer; aad: Buffer; body: Buffer }) {
  const { aead, key, nonce, aad, body } = input;
  const options = { authTagLength: 16 };
  const cipher =
    aead === 1
      ? createCipheriv("aes-256-gcm", key, nonce, options)
      : createCipheriv("chacha20-poly1305", key, nonce, options);
  cipher.setAAD(aad, { plaintextLength: body.length });
  return join(cipher.update(body), cipher.final(), cipher.getAuthTag());
}

/** To 32 bytes, which is enough for what is sealed here. */
function padded(plaintext: Buffer): Buffer {
  const block = Buffer.alloc(32);
  plaintext.copy(block);
  block[plaintext.length] = 0x80;
  return block;
}

/** RFC 3394 §2.2.1 for four blocks of eight bytes. */
function wrap(kek: Buffer, key: Buffer): Buffer {
  let a: Buffer = Buffer.alloc(8, 0xa6);
  const blocks = [0, 8, 16, 24].map((at) => key.subarray(at, at + 8));
  for (let step = 1; step <= 6 * blocks.length; step++) {
    const i = (step - 1) % blocks.length;
    const aes = createCipheriv("aes-256-ecb", kek, null).setAutoPadding(false);
    const b = join(aes.update(join(a, blocks[i] ?? Buffer.alloc(0))), aes.final());
    a = i2osp(os2ip(b.subarray(0, 8)) ^ BigInt(step), 8);
    blocks[i] = b.subarray(8);
  }
  return join(a, ...blocks);
}

/** A digest of its own name, as good as random and nothing to hide in: all are below n. */
function recordedScalar(name: string): bigint {
  return os2ip(sha256(`VEILMQ vector p256 ${name}`));
}

type Point = typeof p256.Point.BASE;

/** One of the two points of an x coordinate. */
function lift(x: Buffer): Point {
  return p256.Point.fromBytes(join(Buffer.of(0x02), x));
}

function xOf(point: Point): Buffer {
  return i2osp(point.toAffine().x, 32);
}

function scalarHex(value: bigint): string {
  return hex(i2osp(value, 32));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
