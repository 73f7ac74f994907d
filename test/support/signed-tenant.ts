/** A tenant as its KMS sees it, for tests of the bridge: makes heads, enrolments, grants and certificates. */
import { randomBytes } from "node:crypto";
import { Encrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { join, lp, sha256 } from "../../core/scheme/bytes.ts";
import type { Halves } from "../../core/scheme/suite.ts";
import {
  certPath,
  clientPath,
  DEFAULT_RETENTION_MS,
  grantsPath,
  headPath,
  mailPath,
  type Operation,
} from "../../core/wire/directory.ts";
import { sealForBridge, signDocument } from "../../core/wire/document.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import { type Epoch, encodeEpoch, encodeHalves } from "../../core/wire/parameters.ts";
import { BRIDGE_KEY_BYTES } from "../../core/wire/store.ts";

export interface Placed {
  readonly path: string;
  readonly document: Buffer;
}

export interface TestGrant {
  readonly tag: Buffer;
  readonly ops?: readonly Operation[];
  readonly nbf?: number;
  readonly exp?: number;
}

export interface TestEnrolment {
  readonly status?: "active" | "revoked";
  readonly secret?: Buffer;
  readonly signingKey?: Buffer;
  readonly signs?: boolean;
  readonly chunks?: number;
  readonly halves?: Halves;
}

/** Numbers that look like a modulus: enough wherever nothing is computed. */
const NO_PARAMETERS: Epoch = {
  epoch: 1,
  parameters: { suite: "rsa", nTag: Buffer.alloc(256, 0xc1), nRec: Buffer.alloc(256, 0xc3) },
};

export class TestTenant {
  readonly name: string;
  readonly epochs: readonly Epoch[];
  readonly bridgeKey = randomBytes(BRIDGE_KEY_BYTES);
  readonly #kms = generateSigningKey();
  readonly kmsPublicKey = importPublicKey(this.#kms.publicKey);
  readonly #signing = importSigningKey(this.#kms.seed);

  constructor(name: string, epochs: readonly Epoch[] = [NO_PARAMETERS]) {
    this.name = name;
    this.epochs = epochs;
  }

  get rawKmsPublicKey(): Buffer {
    return this.#kms.publicKey;
  }

  /** `identity`: of the bridge. */
  async head(
    identity: string,
    serial: number,
    { bridgeKey = this.bridgeKey, sealedFor = this.name } = {},
  ): Promise<Placed> {
    const age = new Encrypter();
    age.addRecipient(await identityToRecipient(identity));
    const sealed = Buffer.from(await age.encrypt(join(lp(sealedFor), bridgeKey)));
    return this.#sign("head", headPath(this.name), {
      tenant: this.name,
      serial,
      epochs: this.epochs.map(encodeEpoch),
      kafka: { partitions: 1, retentionMs: DEFAULT_RETENTION_MS },
      sealed: sealed.toString("base64url"),
    });
  }

  enrolment(client: string, serial: number, options: TestEnrolment = {}): Placed {
    const { status = "active", secret = Buffer.alloc(32, 7), signs = false, chunks = 1 } = options;
    const path = clientPath(this.name, client);
    const halves = options.halves ?? { tag: Buffer.alloc(256, 5) };
    const plain = JSON.stringify([encodeHalves({ epoch: 1, halves })]);
    return this.#sign("enrol", path, {
      client,
      serial,
      status,
      authHash: sha256(secret).toString("base64url"),
      signingKey: (options.signingKey ?? Buffer.alloc(32, 9)).toString("base64url"),
      signs,
      chunks,
      ...(status === "active" && { sealed: this.#seal(path, plain) }),
    });
  }

  /** `sealed`: what would be an age file. */
  mail(client: string, number: number, sealed: Buffer): Placed {
    const path = mailPath(this.name, client, number);
    return { path, document: signDocument("mail", path, sealed, this.#signing) };
  }

  grants(
    client: string,
    serial: number,
    grants: readonly TestGrant[],
    { chunk = 0, sealedAt = grantsPath(this.name, client, chunk) } = {},
  ): Placed {
    const path = grantsPath(this.name, client, chunk);
    const plain = grants.map(({ tag, ops = ["pub", "sub"], nbf = 0, exp = 2 ** 53 - 1 }) => {
      return { tag: tag.toString("base64url"), ops, nbf, exp };
    });
    const sealed = this.#seal(sealedAt, JSON.stringify(plain));
    return this.#sign("enrol", path, { client, serial, sealed });
  }

  cert(client: string, serial: number, signingKey: Buffer = Buffer.alloc(32, 9)): Placed {
    return this.#sign("cert", certPath(this.name, client), {
      tenant: this.name,
      client,
      serial,
      signingKey: signingKey.toString("base64url"),
      signs: false,
    });
  }

  /** Signs whatever it is given, also what no KMS would. */
  sign(kind: "head" | "enrol" | "cert", path: string, body: object): Placed {
    return this.#sign(kind, path, body);
  }

  #sign(kind: "head" | "enrol" | "cert", path: string, body: object): Placed {
    return { path, document: signDocument(kind, path, body, this.#signing) };
  }

  #seal(path: string, plain: string): string {
    const sealed = sealForBridge(this.bridgeKey, path, Buffer.from(plain, "utf8"), randomBytes);
    return sealed.toString("base64url");
  }
}

/** An age identity for a test's bridges. */
export async function testIdentity(): Promise<string> {
  return generateX25519Identity();
}
