/** Runs the compiled binary, as a shell would (`npm run -s build` makes it). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const BINARY = resolve("dist/cli/main.js");

export interface Transcript {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `veilmq …args` in `cwd`, without a terminal. */
export async function veilmq(args: readonly string[], cwd = "."): Promise<Transcript> {
  return await run(process.execPath, [BINARY, ...args], cwd);
}

/**
 * `veilmq …args` on a pseudo-terminal: `keys` are typed one after the other, each when the terminal shows its prompt.
 * `stdout` is all that the terminal showed.
 */
export async function veilmqOnTerminal(
  args: readonly string[],
  keys: readonly { prompt: string; type: string }[],
  cwd = ".",
): Promise<Transcript> {
  const script = JSON.stringify({ argv: [process.execPath, BINARY, ...args], keys });
  return await run("python3", [resolve("test/cli/terminal.py"), script], cwd);
}

async function run(command: string, args: readonly string[], cwd: string): Promise<Transcript> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code]: (number | null)[] = await once(child, "close");
  return { code: code ?? null, stdout, stderr };
}
