/** The programs that the local cluster needs from the system: looked for before anything starts. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isVeilError, VeilError } from "../../core/errors.ts";

const run = promisify(execFile);

export interface Tool {
  readonly command: string;
  readonly args: readonly string[];
  /** Finds the version in what the command prints: major and, where it matters, minor. */
  readonly version: RegExp;
  readonly minimum: readonly [major: number, minor: number];
  readonly hint: string;
}

export const JAVA: Tool = {
  command: "java",
  args: ["-version"],
  version: /version "(\d+)(?:\.(\d+))?/,
  minimum: [17, 0],
  hint: "install a Java runtime of version 17 or later (Debian: apt install openjdk-17-jre-headless)",
};

export const MAVEN: Tool = {
  command: "mvn",
  args: ["-B", "-version"],
  version: /Apache Maven (\d+)\.(\d+)/,
  minimum: [3, 8],
  hint: "install Maven 3.8 or later (Debian: apt install maven)",
};

/** Ends a child process with its parent; part of util-linux. */
export const SETPRIV: Tool = {
  command: "setpriv",
  args: ["--version"],
  version: /util-linux (\d+)\.(\d+)/,
  minimum: [2, 33],
  hint: "the local cluster runs on Linux with util-linux 2.33 or later",
};

/** Throws MISSING_TOOL, saying what to install, where `tool` is missing or too old. */
export async function requireTool(tool: Tool): Promise<void> {
  const { stdout, stderr } = await runTool(tool, tool.args);
  const found = tool.version.exec(stdout + stderr);
  const major = Number(found?.[1]);
  const minor = Number(found?.[2] ?? 0);
  const [minMajor, minMinor] = tool.minimum;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new VeilError("MISSING_TOOL", `${tool.command} is too old or of an unknown version`, {
    hint: tool.hint,
  });
}

/** Runs `tool` to its end. Throws MISSING_TOOL if it is not there, UNAVAILABLE if it fails. */
export async function runTool(
  tool: Tool,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await run(tool.command, [...args], signal ? { signal } : {});
  } catch (cause) {
    throw toolError(tool, cause);
  }
}

function toolError(tool: Tool, cause: unknown): VeilError {
  if (isVeilError(cause)) return cause;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ENOENT")
    return new VeilError("MISSING_TOOL", `${tool.command} is not installed`, { hint: tool.hint });
  if (code === "ABORT_ERR") return new VeilError("STOPPED", `${tool.command} was interrupted`);
  const stdout = cause instanceof Error && "stdout" in cause ? String(cause.stdout) : "";
  const reason = stdout.split("\n").find((line) => line.includes("ERROR")) ?? "no reason given";
  return new VeilError("UNAVAILABLE", `${tool.command} failed: ${reason.trim()}`, { cause });
}
