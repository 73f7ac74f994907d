/** The bridge's age identity, which heads are sealed to (PROTOCOL.md §4): a file as `age-keygen` writes it. */
import { VeilError } from "../../core/errors.ts";
import { readSecretFile } from "../../core/runtime/files.ts";

const IDENTITY = /^AGE-SECRET-KEY-1[0-9A-Z]+$/;
const MAX_BYTES = 64 * 1024;

/**
 * The `AGE-SECRET-KEY-1…` lines of the file; `#` begins a comment. Several, while an identity is being changed.
 * Throws SECRET_FILE where it cannot be read, others may read it, or it holds anything else.
 */
export async function readIdentities(path: string): Promise<string[]> {
  const text = (await readSecretFile(path, MAX_BYTES)).toString("utf8");
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (identities.length === 0 || !identities.every((line) => IDENTITY.test(line)))
    throw new VeilError("SECRET_FILE", `${path} is not an age identity file`, {
      hint: "veilmq bridge identity --help",
    });
  return identities;
}
