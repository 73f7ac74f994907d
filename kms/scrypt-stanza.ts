/**
 * age's scrypt recipient and identity (age-encryption.org/v1, "The scrypt recipient type"), which `age-encryption` has,
 * too: in JavaScript, which takes three times as long and stops everything else meanwhile. Here a thread of Node's does it.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { type Identity, type Recipient, Stanza } from "age-encryption";

const LABEL = Buffer.from("age-encryption.org/v1/scrypt");
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const TAG_BYTES = 16;
const FILE_KEY_BYTES = 16;
const BLOCK_SIZE = 8;
/** 1 GiB; age itself takes no more than 22 and proposes that readers have a limit. */
const MAX_WORK_FACTOR = 20;
/** Above what N and r say, for OpenSSL. */
const SLACK_BYTES = 2 ** 20;
/** The key is new for every file, and seals once. */
const NONCE = Buffer.alloc(12);
const CIPHER = "chacha20-poly1305";

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

export class ScryptRecipient implements Recipient {
  readonly #passphrase: string;
  readonly #workFactor: number;

  /** `workFactor`: log2 of scrypt's N. */
  constructor(passphrase: string, workFactor: number) {
    this.#passphrase = passphrase;
    this.#workFactor = workFactor;
  }

  async wrapFileKey(fileKey: Uint8Array): Promise<Stanza[]> {
    const salt = randomBytes(SALT_BYTES);
    const key = await keyOf(this.#passphrase, salt, this.#workFactor);
    const cipher = createCipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
    const body = Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
    return [new Stanza(["scrypt", base64(salt), String(this.#workFactor)], body)];
  }
}

export class ScryptIdentity implements Identity {
  readonly #passphrase: string;

  constructor(passphrase: string) {
    this.#passphrase = passphrase;
  }

  /** `null` for another passphrase, and for a file that is sealed to something else. Throws for a malformed stanza. */
  async unwrapFileKey(stanzas: Stanza[]): Promise<Uint8Array | null> {
    const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
    if (!stanza) return null;
    // The specification: who knows the passphrase must be the only one who could have made the file.
    if (stanzas.length !== 1) throw new Error("scrypt is not the file's only recipient");
    const [, salt = "", factor = ""] = stanza.args;
    const saltBytes = Buffer.from(salt, "base64");
    const isWhole = stanza.args.length === 3 && base64(saltBytes) === salt;
    if (!isWhole || saltBytes.length !== SALT_BYTES || !/^[1-9][0-9]?$/.test(factor))
      throw new Error("the scrypt stanza is malformed");
    if (Number(factor) > MAX_WORK_FACTOR) throw new Error("scrypt's work factor is too high");
    if (stanza.body.length !== FILE_KEY_BYTES + TAG_BYTES)
      throw new Error("the scrypt stanza is malformed");
    const key = await keyOf(this.#passphrase, saltBytes, Number(factor));
    const decipher = createDecipheriv(CIPHER, key, NONCE, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(stanza.body.subarray(FILE_KEY_BYTES));
    const fileKey = decipher.update(stanza.body.subarray(0, FILE_KEY_BYTES));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return new Uint8Array(fileKey);
  }
}

async function keyOf(passphrase: string, salt: Buffer, workFactor: number): Promise<Buffer> {
  const cost = 2 ** workFactor;
  const options = { N: cost, r: BLOCK_SIZE, p: 1, maxmem: 128 * cost * BLOCK_SIZE + SLACK_BYTES };
  return await derive(passphrase, Buffer.concat([LABEL, salt]), KEY_BYTES, options);
}

/** As age writes it: without padding. */
function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
