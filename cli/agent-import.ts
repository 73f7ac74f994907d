/** Puts a credential where an agent finds it, for `veilmq agent import`. */
import { buffer } from "node:stream/consumers";
import { Decrypter } from "age-encryption";
import { credentialPathOf } from "../agent/device/config.ts";
import { VeilError } from "../core/errors.ts";
import {
  fileExists,
  readGivenFile,
  readSecretFile,
  replaceSecretFile,
} from "../core/runtime/files.ts";
import { type Credential, decodeCredential, newestEpoch } from "../core/wire/credential.ts";
import { ScryptIdentity } from "../kms/scrypt-stanza.ts";
import { printNote } from "./messages.ts";
import { readPassphrase } from "./passphrase.ts";

const AGE = "age-encryption.org/v1";
const STDIN = "-";

export interface ImportOptions {
  readonly config?: string;
  readonly to?: string;
  readonly passphraseFile?: string;
  readonly force?: true;
}

/** Throws BAD_CREDENTIAL, also for a consumer's, AUTH on a wrong passphrase, CONFLICT for another client's, ROLLED_BACK for an older one. */
export async function importCredential(file: string, options: ImportOptions): Promise<void> {
  const to = options.to ?? (options.config && (await credentialPathOf(options.config)));
  if (!to)
    throw new VeilError("BAD_ARGUMENT", "where to?", { hint: "give --config FILE or --to PATH" });
  const bytes = await opened(await bytesOf(file), options.passphraseFile);
  const credential = decodeCredential(bytes);
  if (isOfConsumer(credential))
    throw new VeilError(
      "BAD_CREDENTIAL",
      `${credential.client} may read topics, and publish to none`,
      {
        hint: "it is a consumer's: `veilmq consume --credential` takes it as it is",
      },
    );
  if (!options.force) await checkReplacing(to, credential);
  await replaceSecretFile(to, bytes);
  const { client, tenant, serial, topics } = credential;
  const { epoch } = newestEpoch(credential);
  printNote(
    `${client} of ${tenant}, epoch ${epoch}, serial ${serial}, ${topics.length} topic(s): now in ${to}, mode 0600`,
  );
}

async function bytesOf(file: string): Promise<Buffer> {
  if (file === STDIN) return buffer(process.stdin);
  return readGivenFile(file, "SECRET_FILE");
}

/** Out of the age file that it travelled in; or as it is. */
async function opened(bytes: Buffer, passphraseFile: string | undefined): Promise<Buffer> {
  if (!bytes.subarray(0, AGE.length).equals(Buffer.from(AGE))) return bytes;
  const age = new Decrypter();
  age.addIdentity(new ScryptIdentity(await readPassphrase(passphraseFile)));
  const plain = await age.decrypt(bytes).catch((cause: unknown) => {
    throw new VeilError("AUTH", "the passphrase does not open the credential, or it was changed", {
      cause,
    });
  });
  return Buffer.from(plain);
}

/** A device that was granted nothing yet has no topics at all. */
function isOfConsumer({ topics }: Credential): boolean {
  return topics.length > 0 && !topics.some(({ ops }) => ops.includes("pub"));
}

async function checkReplacing(path: string, next: Credential): Promise<void> {
  if (!(await fileExists(path))) return;
  const present = decodeCredential(await readSecretFile(path));
  const hint = "if you mean it: --force";
  if (present.tenant !== next.tenant || present.client !== next.client)
    throw new VeilError(
      "CONFLICT",
      `${path} is the credential of ${present.client} of ${present.tenant}`,
      {
        hint: `what its outbox holds could be sent by nobody else; ${hint}`,
      },
    );
  if (present.serial > next.serial)
    throw new VeilError(
      "ROLLED_BACK",
      `${path} has a newer one: serial ${present.serial}, not ${next.serial}`,
      {
        hint,
      },
    );
}
