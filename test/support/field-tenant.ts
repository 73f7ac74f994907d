/** A tenant and its devices with real keys, without files: what a device and its bridge hold of it. */
import { randomBytes } from "node:crypto";
import { clientRole } from "../../core/scheme/client.ts";
import type { Realm } from "../../core/scheme/context.ts";
import { type Master, ownerTag, publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import { releaseRole } from "../../core/scheme/proxy.ts";
import type { Halves, PublicParameters } from "../../core/scheme/suite.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { generateSigningKey } from "../../core/wire/keys.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";

export interface FieldDevice {
  readonly credential: Credential;
  /** The bridge's half of its keys. */
  readonly proxy: Halves;
  /** Ed25519, raw. */
  readonly publicKey: Buffer;
}

export interface FieldTenant {
  readonly realm: Realm;
  readonly parameters: PublicParameters;
  /** The tag of a topic, hex. */
  tag(topic: string): string;
  enrol(client: string, options: EnrolOptions): FieldDevice;
  /** Fresh halves of a device, as a change of keys makes them. */
  split(): { client: Halves; proxy: Halves };
  /** From an announcement's W to the IKM, by bridge and consumer together. */
  unwrap(wrapped: Uint8Array): Buffer;
}

export interface EnrolOptions {
  readonly topics: readonly string[];
  readonly urls: readonly string[];
  readonly signs?: boolean;
}

/** Of suite `rsa` unless a master key of another is given. */
export function fieldTenant(
  tenant = "field",
  epoch = 1,
  master: Master = FIXTURE_MASTER,
): FieldTenant {
  const parameters = publicParameters(master);
  const realm = { tenant, epoch };
  const reader = splitHalves({ master, random: randomBytes, consumer: true });
  const release = releaseRole({ realm, parameters, halves: reader.proxy });
  const consumer = clientRole({ realm, parameters, halves: reader.client });
  const split = () => splitHalves({ master, random: randomBytes, consumer: false });
  return {
    realm,
    parameters,
    split,
    tag: (topic) => ownerTag({ master, realm, topic }).toString("hex"),
    unwrap: (wrapped) => consumer.unwrap(release.release(wrapped)),
    enrol(client, { topics, urls, signs = false }) {
      const { seed, publicKey } = generateSigningKey();
      const { client: own, proxy } = split();
      const credential: Credential = {
        veilmq: "credential",
        version: 1,
        tenant,
        client,
        serial: 1,
        secret: randomBytes(32),
        epochs: [{ epoch, parameters }],
        halves: [{ epoch, halves: own }],
        signingKey: seed,
        signs,
        ageIdentity: "AGE-SECRET-KEY-1TEST",
        kmsPublicKey: randomBytes(32),
        groupKey: randomBytes(32),
        bridge: { mqtt: [...urls], http: [] },
        topics: topics.map((name) => ({ name, ops: ["pub"] })),
      };
      return { credential, proxy, publicKey };
    },
  };
}
