/** One program of the replay in a process of its own, and what it prints, line by line. */
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { packageFile } from "../../core/runtime/package.ts";
import { type Exit, GuardedProcess } from "../guarded-process.ts";

const POLL_MS = 20;

export interface RoleOptions {
  /** A file of this folder, such as `producer`. */
  readonly program: string;
  /** The program's one argument. */
  readonly settings: object;
  /** What it says on stderr. */
  readonly logFile: string;
  /** Called with each line of its stdout. */
  readonly onLine: (line: string) => void;
  /** For each wait. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export class Role {
  readonly #options: RoleOptions;
  readonly #process: GuardedProcess;
  readonly #lines: string[] = [];
  #ended = false;

  constructor(options: RoleOptions) {
    const { program, settings, logFile } = options;
    this.#options = options;
    const file = packageFile("dist", "demo", "paper", `${program}.js`);
    this.#process = new GuardedProcess({
      name: `the ${program}`,
      command: [process.execPath, file, JSON.stringify(settings)],
      logFile,
      pipeStdout: true,
    });
  }

  /** What it has printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  async start(): Promise<void> {
    await this.#process.spawn();
    const reader = createInterface({ input: this.#process.stdout });
    reader.on("line", (line) => {
      this.#lines.push(line);
      this.#options.onLine(line);
    });
    reader.on("close", () => {
      this.#ended = true;
    });
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  /** What `find` makes of the first line for which it is not `null`. Throws UNAVAILABLE, TIMEOUT or STOPPED if none comes. */
  async until<T>(find: (line: string) => T | null): Promise<T> {
    let read = 0;
    const next = (): T | null => {
      for (; read < this.#lines.length; read += 1) {
        const found = find(this.#lines[read] ?? "");
        if (found !== null) return found;
      }
      return null;
    };
    for (const deadline = Date.now() + this.#options.deadlineMs; ; ) {
      const isOver = this.#ended;
      const found = next();
      if (found !== null) return found;
      if (isOver) throw await this.#failure("UNAVAILABLE", "ended too early");
      await this.#wait(deadline);
    }
  }

  /** Waits for its end and its last line. Throws UNAVAILABLE unless its exit code is `code`, TIMEOUT, STOPPED. */
  async end(code = 0): Promise<void> {
    for (const deadline = Date.now() + this.#options.deadlineMs; !this.#ended; )
      await this.#wait(deadline);
    const exit: Exit = await this.#process.exited;
    if (exit.code !== code) throw await this.#failure("UNAVAILABLE", "failed");
  }

  async #wait(deadline: number): Promise<void> {
    if (Date.now() > deadline) throw await this.#failure("TIMEOUT", "does not go on");
    if (!(await pause(POLL_MS, this.#options.signal)))
      throw new VeilError("STOPPED", "interrupted");
  }

  async #failure(code: "UNAVAILABLE" | "TIMEOUT", what: string): Promise<VeilError> {
    const { logFile } = this.#options;
    const log = await readFile(logFile, "utf8").catch(() => "");
    const last = log.trimEnd().split("\n").at(-1);
    return new VeilError(code, `${this.#process.name} ${what}: ${last || "it said nothing"}`, {
      hint: `all that it said is in ${logFile}, which --keep DIR keeps`,
    });
  }
}
