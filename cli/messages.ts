/** How `veilmq` speaks: data on stdout, `veilmq: error: …` and `veilmq: hint: …` on stderr. */
import { CommanderError } from "commander";
import { isVeilError } from "../core/errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** What commander says of a command line that it does not understand. */
export const USAGE_HINT = "add --help to see what the command takes";

/** One line of data on stdout. A reader that left, as `| head` does, does not end the work. */
export function printLine(text: string): void {
  ignoreClosedPipes();
  process.stdout.write(`${text}\n`);
}

/** As `printLine`, for many: waits while the reader takes no more. `false` once the reader has left. */
export async function printLineInTurn(text: string): Promise<boolean> {
  ignoreClosedPipes();
  return new Promise((resolve) => {
    const isRoom = process.stdout.write(`${text}\n`, (error) => resolve(!error));
    if (isRoom) resolve(true);
  });
}

function ignoreClosedPipes(): void {
  if (!process.stdout.listeners("error").includes(ignoreClosedPipe))
    process.stdout.on("error", ignoreClosedPipe);
}

function ignoreClosedPipe(error: Error): void {
  if (!("code" in error) || error.code !== "EPIPE") throw error;
}

/** One JSON value on stdout, for `--json`. Bytes must be b64url text already. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value));
}

/** One line for the person at the terminal, on stderr. */
export function printNote(text: string): void {
  process.stderr.write(`veilmq: ${text}\n`);
}

export function printHint(text: string): void {
  printNote(`hint: ${text}`);
}

/**
 * Says on stderr what went wrong and returns what the process should end with. With `json` a last line has it once more,
 * for programs: `{"error":{"code":…,"message":…,"hint":…,"retryable":…}}`.
 */
export function reportError(
  error: unknown,
  { json = false }: { readonly json?: boolean } = {},
): ExitCode {
  // Help and --version arrive here too.
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.OK;
  // Commander has printed its own message by then.
  if (!(error instanceof CommanderError)) printNote(`error: ${describe(error)}`);
  if (isVeilError(error) && error.hint !== undefined) printHint(error.hint);
  if (json) process.stderr.write(`${JSON.stringify({ error: describeForPrograms(error) })}\n`);
  if (error instanceof CommanderError) return EXIT.USAGE;
  if (!isVeilError(error)) return EXIT.ERROR;
  if (error.code === "REVOKED") return EXIT.REVOKED;
  return error.code === "STOPPED" ? EXIT.INTERRUPTED : EXIT.ERROR;
}

function describeForPrograms(error: unknown): object {
  if (isVeilError(error)) {
    const { code, message, hint, retryable } = error;
    return { code, message, hint, retryable };
  }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, "");
    return { code: "BAD_ARGUMENT", message, hint: USAGE_HINT, retryable: false };
  }
  const code = isSystemError(error) ? (error.code ?? "INTERNAL") : "INTERNAL";
  return { code, message: describe(error), retryable: false };
}

function describe(error: unknown): string {
  if (isVeilError(error) || isSystemError(error)) return error.message;
  // The message of an error that nobody foresaw may quote a name or a value; where it happened cannot.
  const frames = error instanceof Error ? (error.stack ?? "").match(/^ {4}at .*$/gm) : null;
  return ["unexpected; please report this place in the code", ...(frames ?? [])].join("\n");
}

/** An error of the operating system, such as ENOENT: its message holds a code, a call and a path. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "errno" in error;
}
