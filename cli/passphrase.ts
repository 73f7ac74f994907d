/** The owner's passphrase: from a file, or from a terminal. Never from the command line, which others can list. */
import { VeilError } from "../core/errors.ts";
import { readSecretFile } from "../core/runtime/files.ts";
import { promptSecrets } from "./prompt.ts";

const MIN_CHARACTERS = 8;
const MAX_FILE_BYTES = 4_096;

/** The passphrase of a tenant that exists. Throws SECRET_FILE, STOPPED. */
export async function readPassphrase(
  file: string | undefined,
  question = "Passphrase: ",
): Promise<string> {
  const [passphrase = ""] =
    file === undefined ? await promptSecrets([question]) : [await readFromFile(file)];
  return passphrase;
}

/** A new passphrase, asked for twice at a terminal. Throws BAD_ARGUMENT where it is too short or not typed alike. */
export async function choosePassphrase(
  file: string | undefined,
  question = "New passphrase: ",
): Promise<string> {
  const [passphrase = "", repeated] =
    file === undefined
      ? await promptSecrets([question, "The same again: "])
      : [await readFromFile(file)];
  if (repeated !== undefined && repeated !== passphrase)
    throw new VeilError("BAD_ARGUMENT", "the two passphrases differ");
  if ([...passphrase].length < MIN_CHARACTERS)
    throw new VeilError("BAD_ARGUMENT", `a passphrase has at least ${MIN_CHARACTERS} characters`, {
      hint: "whoever copies the master file can guess for years: four or five random words are good",
    });
  return passphrase;
}

/** The file without the end of its line. */
async function readFromFile(file: string): Promise<string> {
  return (await readSecretFile(file, MAX_FILE_BYTES)).toString("utf8").replace(/\r?\n$/, "");
}
