/**
 * A tenant with the real mathematics, for tests, at once instead of after a search: its four safe primes (2,048-bit
 * moduli) are public, so it protects nothing. Made anew for each caller: only the primes are fixed.
 */
import { randomBytes } from "node:crypto";
import { clientRole } from "../../core/scheme/client.ts";
import type { Realm } from "../../core/scheme/context.ts";
import { type Master, ownerTag, publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import { releaseRole } from "../../core/scheme/proxy.ts";
import type { Halves, PublicParameters } from "../../core/scheme/suite.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { generateSigningKey } from "../../core/wire/keys.ts";

const SAFE_PRIMES = [
  [
    "d7b001a7a487ad86c607fb1922145f31e2d73f90386a215704f5fc5247e57d55",
    "6c99a663ee40eb191cbf1da3b19c6d0e3a8667e75d8b777b7c5f1cb05d8be61f",
    "ecbbd8f4c77aceffd027e859b1f250fc0d4db9157a9616ed887ec6511e5f755d",
    "532d1caa6ef5636cf08dd2dee4fddd57d4fe357b2633ecae2101d72cce2174cb",
  ].join(""),
  [
    "f53e93099a01f5e48bdcf835bcc58c021537267e401251a3facb8f2d52f146a7",
    "a47c62d5d45d455473a4aa6c0267745dfc26991ffc48e7a74d12a2f6b4fe4a59",
    "1ebadbb0e95b257b706698479362e9d2785346b88f8dce5a7a3e0a5c0c57f7e7",
    "3cddc4109c281cf3d1973eeb9323afd48fc2ac1dcc9df45b990d8fa7cb99cdd3",
  ].join(""),
  [
    "fdcef8a0a44f9a541b6bd40b25bf5561050ed8d6712de12af2de59eb5a913d19",
    "9f49c2b32a0a237981777ec10396da79cb21c0ede5491596ac05b695c815967a",
    "9dd1e2d7b439e6f4ff81cf690b9af26289c405fbf87abbc3f35761d019e6e1e4",
    "e73334d7d34959a52874b9c80c45f96f1f4da405224f7a9c4b28d55398e64467",
  ].join(""),
  [
    "d1b21b9382744ae61941517b4d0bfd582f95700556f346c031f42faee26c4b00",
    "923f0d45ed7cbbf126a2c0d08677b9fffd0a503753a453b593cabb4da8cf03ad",
    "41e9c5c55dad6324b2ee0ad477714ae68ab130bb265589f5bfb587e5883db1ba",
    "da5bf35b7a50aa8fd369cf1413ba63361cfbec64eb38ef26e087dd6ee7f2363b",
  ].join(""),
];

/** What a device has, and what a bridge has of it. */
export interface TestDevice {
  readonly credential: Credential;
  /** The bridge's halves. */
  readonly proxy: Halves;
  /** Ed25519, 32 bytes: of the credential's signing key. */
  readonly publicKey: Buffer;
}

export interface TestTenant {
  readonly realm: Realm;
  readonly parameters: PublicParameters;
  /** Hex, of a topic. */
  tag(topic: string): string;
  /** From the W of an announcement to what the producer wrapped: as any consumer could. */
  unwrap(wrapped: Uint8Array): Buffer;
  enrol(
    client: string,
    options: { readonly topics: readonly string[]; readonly urls: readonly string[] },
  ): TestDevice;
}

/** Of suite `rsa` unless a master key of another is given. */
export function makeTenant(name = "acme", master: Master = makeMaster()): TestTenant {
  const realm: Realm = { tenant: name, epoch: 1 };
  const parameters = publicParameters(master);
  const split = () => splitHalves({ master, random: randomBytes, consumer: true });
  const reader = split();
  const client = clientRole({ realm, parameters, halves: reader.client });
  const proxy = releaseRole({ realm, parameters, halves: reader.proxy });
  return {
    realm,
    parameters,
    tag: (topic) => ownerTag({ master, realm, topic }).toString("hex"),
    unwrap: (wrapped) => client.unwrap(proxy.release(wrapped)),
    enrol: (id, { topics, urls }) => {
      const halves = split();
      const signing = generateSigningKey();
      const credential: Credential = {
        veilmq: "credential",
        version: 1,
        tenant: name,
        client: id,
        serial: 1,
        secret: randomBytes(32),
        epochs: [{ epoch: realm.epoch, parameters }],
        halves: [{ epoch: realm.epoch, halves: halves.client }],
        signingKey: signing.seed,
        signs: false,
        ageIdentity: "AGE-SECRET-KEY-1",
        kmsPublicKey: generateSigningKey().publicKey,
        groupKey: randomBytes(32),
        bridge: { mqtt: [...urls], http: [] },
        topics: topics.map((topic) => ({ name: topic, ops: ["pub"] })),
      };
      return { credential, proxy: halves.proxy, publicKey: signing.publicKey };
    },
  };
}

function makeMaster(): Master {
  const [p, q, recordP, recordQ] = SAFE_PRIMES.map((hex) => Buffer.from(hex, "hex"));
  if (!p || !q || !recordP || !recordQ) throw new Error("a master key takes four primes");
  // Odd, and below λ: shares no factor with λ = 2p'q', save with a chance of 2^-1000.
  const e = randomBytes(p.length + q.length);
  e.writeUInt8(0, 0);
  e.writeUInt8(e.readUInt8(e.length - 1) | 1, e.length - 1);
  return { suite: "rsa", tag: { p, q, e }, record: { p: recordP, q: recordQ } };
}
