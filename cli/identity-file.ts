/** An age X25519 identity in a file of its own, as `age-keygen` writes it. */
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { syncFolder } from "../core/runtime/files.ts";
import { cannotMake } from "../core/runtime/why-not.ts";

/** Makes `path`, mode 0600, and returns the recipient (`age1…`). Throws SECRET_FILE where `path` exists. */
export async function createIdentityFile(path: string): Promise<string> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const file = await open(path, "wx", 0o600).catch((cause: unknown) => {
    throw cannotMake(path, cause, {
      code: "SECRET_FILE",
      ifTaken:
        "an identity is never overwritten: what was sealed to it could not be opened any more",
    });
  });
  try {
    await file.writeFile(`# recipient: ${recipient}\n${identity}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await syncFolder(dirname(path));
  return recipient;
}
