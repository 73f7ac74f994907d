/**
 * `veilmq` in this process: a process of its own takes a third of a second of the processor, a command a hundredth. For
 * what a command does and says; that the binary does the same, and ends by itself, is shown with ./veilmq.ts.
 */
import { vi } from "vitest";
import { runCommand } from "../../cli/program.ts";
import type { Transcript } from "./veilmq.ts";

/** `veilmq …args` in `cwd`, without a terminal. Changes the whole process: one at a time. */
export async function veilmqHere(args: readonly string[], cwd = "."): Promise<Transcript> {
  const before = process.cwd();
  const [stdout, stderr] = [capture(process.stdout), capture(process.stderr)];
  process.chdir(cwd);
  process.exitCode = undefined;
  try {
    await runCommand(args);
    return { code: Number(process.exitCode ?? 0), stdout: stdout.text, stderr: stderr.text };
  } finally {
    process.exitCode = undefined;
    process.chdir(before);
    stdout.end();
    stderr.end();
  }
}

interface Captured {
  text: string;
  end(): void;
}

/** Keeps what is written there until `end` is called. */
function capture(stream: NodeJS.WriteStream): Captured {
  const spy = vi.spyOn(stream, "write");
  const captured: Captured = { text: "", end: () => spy.mockRestore() };
  spy.mockImplementation((text, ...rest) => {
    captured.text += typeof text === "string" ? text : Buffer.from(text).toString();
    const written = rest.at(-1);
    if (typeof written === "function") process.nextTick(written);
    return true;
  });
  return captured;
}
