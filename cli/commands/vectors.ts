/** `veilmq vectors`: holds published answers against this build. */
import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";

export function addVectors(program: Command): void {
  program
    .command("vectors")
    .description("check files of test vectors against this implementation")
    .argument("<file...>", "JSON files of the shapes in test/vectors/")
    .option("--json", "print a JSON object per file")
    .addHelpText(
      "after",
      `
Prints a line per file, with the number of cases, or with the first value that differs. Ends with 1 if any file
differs or cannot be checked, also where one of its cases says nothing that can be. A field that nothing in the file
can be held against, or whose name is unknown, is named on stderr as not checked. A record file of suite rsa names no
modulus: it is checked under that of the rsa files given with it, of the rsa.json beside it, or under the published one.

Examples:
  veilmq vectors test/vectors/*.json
  veilmq vectors --json theirs/*.json | jq -c 'select(.ok | not)'`,
    )
    .action(async (files: string[], { json }: { json?: boolean }) => {
      const { checkVectorFiles } = await import("../vector-files.ts");
      if (!(await checkVectorFiles(files, { json }))) process.exitCode = EXIT.ERROR;
    });
}
