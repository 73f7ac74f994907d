/** `veilmq vectors`: holds published answers against this build. */
import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";

export function addVectors(program: Command): void {
  program
    .command("vectors")
    .description("check files of test vectors against this implementation")
    .argument("<file...>", "JSON files of the shapes in test/vectors/")
    .addHelpText(
      "after",
      `
Prints a line per file, with the number of cases, or with the first value that differs. Ends with 1 if any file
differs or cannot be checked. A record file of suite rsa names no modulus: it is checked under that of the rsa files
given with it, of the rsa.json beside it, or under the published one.

Example:
  veilmq vectors test/vectors/*.json`,
    )
    .action(async (files: string[]) => {
      const { checkVectorFiles } = await import("../vector-files.ts");
      if (!(await checkVectorFiles(files))) process.exitCode = EXIT.ERROR;
    });
}
