/** What the three programs of the replay have in common: one JSON argument in, an exit code out, SIGTERM ends them. */
import type { z } from "zod";
import type { ExitCode } from "../../cli/exit-codes.ts";
import { reportError } from "../../cli/messages.ts";
import { shutdownSignal } from "../../core/runtime/lifecycle.ts";
import { parseJson } from "../../core/wire/fields.ts";

/** Runs the program; what it throws is said on stderr. */
export async function play<S extends z.ZodType>(
  schema: S,
  program: (options: z.output<S>, signal: AbortSignal) => Promise<ExitCode>,
): Promise<void> {
  const signal = shutdownSignal();
  try {
    process.exitCode = await program(parseJson(process.argv[2] ?? "", schema), signal);
  } catch (error) {
    process.exitCode = reportError(error);
  }
}
