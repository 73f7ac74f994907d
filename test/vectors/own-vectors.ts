/**
 * Our own vector files, `pki.json`, `record-*.json`, `announcement.json`, `document.json` and `mail.json`, made anew from the
 * randomness that they record: a second implementation of PROTOCOL.md §2 to §4, which shares with the first the byte
 * notation of core/scheme/bytes.ts and nothing else. Curves and signatures are @noble's, where the scheme has
 * node:crypto's; powers are BigInt's; key wrap and age are written out. `write.ts` writes the files; a test holds them
 * to this.
 */
import { createCipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
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
const KMS_SEED = Buffer.alloc(32, 0x5a);
/** The X25519 secret is 66… */
const AGE = {
  identity: "AGE-SECRET-KEY-1VENXVENXVENXVENXVENXVENXVENXVENXVENXVENXVENXVENXVENQFXDPCP",
  recipient: "age1yx0ymqqd495d9f0ukqyu0p85w3k8zw8dh8hys39h885rpvzu7sjqe2hh84",
  key: "219e4d800da968d2a5fcb009c784f4746c7138edb9ee4844b739e830b05cf424",
};

/** By file name. */
export function ownVectors(): Record<string, Json> {
  return {
    "pki.json": pkiFile(),
    "record-p256.json": p256Record(),
    "record-hmac.json": symmetricRecord({ suite: "hmac", name: "K_c", key: K_C }),
    "record-pki.json": symmetricRecord({ suite: "pki", name: "K_org", key: K_ORG }),
    "record-rsa.json": rsaRecords(),
    "announcement.json": announcements(),
    "document.json": enrolment(),
    "mail.json": mail(),
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

function rsaRecords(): Json {
  const { N, d_j1, d_j2 } = { ...published("rsa"), ...published("record") };
  const [n, first, second] = [N, d_j1, d_j2].map((value) => BigInt(`0x${String(value)}`));
  if (n === undefined || first === undefined || second === undefined) throw new Error("no keys");
  const bytes = hexOf(n).length / 2;
  const cases = (
    [
      { aead: 1, flags: 1, seq: 7n, plaintext: '[{"n":"t","v":21.5}]' },
      { aead: 2, flags: 1, seq: 8n, plaintext: "x".repeat(40) },
      { aead: 2, flags: 0, seq: 2n ** 64n - 1n, plaintext: "" },
      { aead: 1, flags: 3, seq: 0n, plaintext: '{"t":21.5}' },
    ] as const
  ).map((one, index) => {
    const r = element(`VEILMQ vector rsa r ${index}`, n, bytes);
    const wrapped = fold(power(r, 65_537n, n), n);
    const keys = { r: hexOf(r), W: hexOf(wrapped), V: hexOf(fold(power(wrapped, second, n), n)) };
    return recordCase({ ...one, suiteId: 0x01, keys, ikm: i2osp(r, bytes) });
  });
  return {
    about: `Records under suite 'rsa' and the modulus of rsa.json as N_rec: padded, with either algorithm, empty, signed (sk is the producer's Ed25519 seed, pk its public key). ${NOTATION}`,
    kind: "record",
    suite: "rsa",
    N: hexOf(n),
    d_j1: hexOf(first),
    d_j2: hexOf(second),
    cases,
  };
}

/** The H-map of PROTOCOL.md §2.2, of bytes that are recorded by their name. */
function element(name: string, n: bigint, bytes: number): bigint {
  const drawn = hkdf(Buffer.from(name), { info: "", length: bytes + 16 });
  return fold((os2ip(drawn) % n) ** 2n % n, n);
}

function fold(x: bigint, n: bigint): bigint {
  return 2n * x < n ? x : n - x;
}

function power(base: bigint, exponent: bigint, n: bigint): bigint {
  let [result, square] = [1n, base];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % n;
    square = (square * square) % n;
  }
  return result;
}

const NOTATION = "plaintext is text, lengths and numbers are decimal, all else is hexadecimal.";

interface RecordCase {
  suiteId: number;
  keys: Json;
  ikm: Buffer;
  aead: 1 | 2;
  flags: 0 | 1 | 3;
  seq: bigint;
  plaintext?: string;
}

/** A file of one record. */
function record(input: RecordCase & { suite: string }): Json {
  const { suite } = input;
  return {
    about: `One record under suite '${suite}'. ${NOTATION}`,
    kind: "record",
    suite,
    ...recordCase(input),
  };
}

/** PROTOCOL.md §3, from the IKM on. */
function recordCase(input: RecordCase): Json {
  const { suiteId, keys, ikm, aead, flags, seq, plaintext = '{"t":21.5}' } = input;
  const topic = "topic-1";
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
  const body = flags === 0 ? Buffer.from(plaintext) : padded(Buffer.from(plaintext));
  const nonce = i2osp(os2ip(iv) ^ seq, 12);
  const sealed = seal({ aead, key, nonce, aad, body });
  const signed = join("VEILMQ-V01-rec\0", aad, sealed);
  const signature = flags === 3 ? ed25519.sign(signed, SIGNING_SEED) : Buffer.alloc(0);
  return {
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
    ...(flags === 3 ? signer() : {}),
    salt: hex(salt),
    K: hex(key),
    iv: hex(iv),
    commit: hex(commit),
    kid: hex(kid),
    hdr: hex(header),
    aad: hex(aad),
    record: hex(join(header, sealed, signature)),
  };
}

function signer(): Json {
  return { sk: hex(SIGNING_SEED), pk: hex(ed25519.getPublicKey(SIGNING_SEED)) };
}

/** PROTOCOL.md §3, of the keys that other files' records are sealed with. */
function announcements(): Json {
  const [first] = listOf(rsaRecords()["cases"]);
  const made = [
    { suite: "p256", suiteId: 0x03, from: p256Record() },
    { suite: "rsa", suiteId: 0x01, from: { ...first } },
  ].map(({ suite, suiteId, from }) => {
    const [wrapped, commit] = [from["W"], from["commit"]].map((value) =>
      Buffer.from(String(value), "hex"),
    );
    if (!wrapped || !commit) throw new Error("no key");
    const body = join(
      Buffer.of(1, suiteId),
      i2osp(EPOCH, 4),
      lp(PRODUCER),
      i2osp(TIME_MS, 8),
      lp(wrapped),
      commit,
    );
    const signature = ed25519.sign(join("VEILMQ-V01-keyann\0", body), SIGNING_SEED);
    return {
      suite,
      epoch: EPOCH,
      producer: PRODUCER,
      createdAt: TIME_MS,
      W: hex(wrapped),
      commit: hex(commit),
      kid: hex(commit.subarray(0, 16)),
      announcement: hex(join(body, signature)),
    };
  });
  return {
    about:
      "Key announcements, of the keys of record-p256.json and of the first record of record-rsa.json. sk is the producer's Ed25519 seed, pk its public key. Names are text, numbers are decimal, all else is hexadecimal.",
    kind: "announcement",
    ...signer(),
    cases: made,
  };
}

/** PROTOCOL.md §4: a client's enrolment, with the bridge's halves sealed in it. */
function enrolment(): Json {
  const [client, path] = [CONSUMER, `/veilmq/${TENANT}/clients/${CONSUMER}`];
  const bridgeKey = Buffer.alloc(32, 0x77);
  const nonce = Buffer.alloc(12, 0x88);
  const half = (name: string): string => text64(i2osp(recordedScalar(name), 32));
  const plain = JSON.stringify([{ epoch: EPOCH, tag: half("k_j2"), record: half("x_j2 sealed") }]);
  const documentKey = hkdf(bridgeKey, { info: "VEILMQ-V01-doc\0", length: 32 });
  const sealed = join(
    nonce,
    seal({ aead: 1, key: documentKey, nonce, aad: Buffer.from(path), body: Buffer.from(plain) }),
  );
  const body = JSON.stringify({
    client,
    serial: 42,
    status: "active",
    authHash: text64(sha256("VEILMQ vector secret")),
    signingKey: text64(ed25519.getPublicKey(SIGNING_SEED)),
    signs: false,
    chunks: 1,
    sealed: text64(sealed),
  });
  return {
    about:
      "An enrolment: the bridge's halves (plain) sealed under K_b with this nonce, in a body that the KMS has signed for its path. sk is the KMS's Ed25519 seed, pk its public key. domain, path, body and plain are text, all else is hexadecimal.",
    kind: "document",
    domain: "enrol",
    path,
    ...kms(),
    K_b: hex(bridgeKey),
    nonce: hex(nonce),
    plain,
    sealed: hex(sealed),
    body,
    document: hex(signedDocument("enrol", path, Buffer.from(body))),
  };
}

function mail(): Json {
  const [client, number] = [CONSUMER, 43];
  const half = (name: string): string => text64(i2osp(recordedScalar(name), 32));
  const plain = JSON.stringify({
    veilmq: "mail",
    version: 1,
    tenant: TENANT,
    client,
    serial: number,
    epochs: [{ epoch: 2, parameters: { suite: "p256", xRec: p256Text("X of epoch 2") } }],
    halves: [{ epoch: 2, tag: half("k_j1 of epoch 2"), record: half("x_j1 of epoch 2") }],
  });
  const sealed = ageFile(Buffer.from(plain), {
    recipient: Buffer.from(AGE.key, "hex"),
    fileKey: Buffer.alloc(16, 0x99),
    ephemeral: Buffer.alloc(32, 0xaa),
    nonce: Buffer.alloc(16, 0xbb),
  });
  return {
    about:
      "A mail: plain, sealed with age to the client's recipient, signed by the KMS for its path. sk is the KMS's Ed25519 seed, pk its public key; the age file was made with the file key 99…, the ephemeral secret aa… and the nonce bb…. plain and names are text, numbers are decimal, all else is hexadecimal.",
    kind: "mail",
    tenant: TENANT,
    client,
    number,
    ...kms(),
    identity: AGE.identity,
    recipient: AGE.recipient,
    plain,
    age: hex(sealed),
    document: hex(signedDocument("mail", `/veilmq/${TENANT}/mail/${client}/${number}`, sealed)),
  };
}

function kms(): Json {
  return { sk: hex(KMS_SEED), pk: hex(ed25519.getPublicKey(KMS_SEED)) };
}

function signedDocument(domain: string, path: string, body: Buffer): Buffer {
  return join(ed25519.sign(join(`VEILMQ-V01-${domain}\0`, lp(path), body), KMS_SEED), body);
}

/** age v1 (C2SP age.md): one X25519 recipient, and a payload of one chunk. */
function ageFile(
  plain: Buffer,
  secrets: { recipient: Buffer; fileKey: Buffer; ephemeral: Buffer; nonce: Buffer },
): Buffer {
  const { recipient, fileKey, ephemeral, nonce } = secrets;
  const share = Buffer.from(x25519.getPublicKey(ephemeral));
  const wrapKey = hkdf(Buffer.from(x25519.getSharedSecret(ephemeral, recipient)), {
    salt: join(share, recipient),
    info: "age-encryption.org/v1/X25519",
    length: 32,
  });
  const none = Buffer.alloc(0);
  const wrapped = seal({
    aead: 2,
    key: wrapKey,
    nonce: Buffer.alloc(12),
    aad: none,
    body: fileKey,
  });
  const header = `age-encryption.org/v1\n-> X25519 ${unpadded(share)}\n${unpadded(wrapped)}\n---`;
  const mac = hmacSha256(hkdf(fileKey, { info: "header", length: 32 }), header);
  const payloadKey = hkdf(fileKey, { salt: nonce, info: "payload", length: 32 });
  // The first chunk, and the last.
  const chunkNonce = i2osp(1, 12);
  const payload = seal({ aead: 2, key: payloadKey, nonce: chunkNonce, aad: none, body: plain });
  return join(`${header} ${unpadded(mac)}\n`, nonce, payload);
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replaceAll("=", "");
}

function text64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function p256Text(name: string): string {
  return text64(xOf(p256.Point.BASE.multiply(recordedScalar(name))));
}

function published(name: string): Json {
  return JSON.parse(readFileSync(`test/vectors/${name}.json`, "utf8"));
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value : [];
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

/** To 32 bytes, or twice as many: enough for what is sealed here. */
function padded(plaintext: Buffer): Buffer {
  const block = Buffer.alloc(plaintext.length < 32 ? 32 : 64);
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

function hexOf(value: bigint): string {
  const digits = value.toString(16);
  return digits.padStart(digits.length + (digits.length % 2), "0");
}
