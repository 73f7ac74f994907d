/** A child process that cannot outlive this one, and that a Ctrl-C in the terminal reaches only through this one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { VeilError } from "../core/errors.ts";
import { pause } from "../core/runtime/backoff.ts";

export interface GuardedOptions {
  readonly name: string;
  readonly command: readonly string[];
  /** What the process prints on stderr, and on stdout unless that is piped, is appended here. */
  readonly logFile: string;
  /** `true`: this process reads its stdout. */
  readonly pipeStdout?: boolean;
  /** The whole of its environment; this process's own if not given. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended: its exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const TERM_DEADLINE_MS = 10_000;

export class GuardedProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: GuardedOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });

  constructor(options: GuardedOptions) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the process has ended. */
  get exited(): Promise<Exit> {
    return this.#exited;
  }

  /** The process's output. Throws unless it runs and was started with `pipeStdout`. */
  get stdout(): Readable {
    const stream = this.#child?.stdout;
    if (!stream) throw new VeilError("BAD_ARGUMENT", `the output of ${this.name} is not piped`);
    return stream;
  }

  async spawn(): Promise<void> {
    const log = await open(this.logFile, "a");
    try {
      this.#run(log);
    } finally {
      await log.close();
    }
  }

  /**
   * The kernel kills the child when the *thread* that started it ends, however that happens (PR_SET_PDEATHSIG,
   * kept across exec). `detached`: a Ctrl-C in the terminal reaches this process only, which then stops its
   * children in order.
   */
  #run(log: FileHandle): void {
    const { command, pipeStdout = false, env = process.env } = this.#options;
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
      stdio: ["ignore", pipeStdout ? "pipe" : log.fd, log.fd],
      detached: true,
      env,
    });
    this.#child = child;
    const exit = once(child, "exit").then(([code, signal]) => ({ code, signal }));
    const error = once(child, "error").then(() => ({ code: null, signal: null }));
    this.#exited = Promise.race([exit, error]).finally(() => {
      this.#child = undefined;
    });
  }

  /** Sends `signal`; after SIGKILL resolves when the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    if (signal === "SIGKILL") await this.#exited;
  }

  /** Ends the process for certain: SIGTERM, and SIGKILL if it does not follow. */
  async stop(): Promise<Exit> {
    await this.kill("SIGTERM");
    await this.kill("SIGCONT");
    const cancel = new AbortController();
    const gone = await Promise.race([
      this.#exited.then(() => true),
      pause(TERM_DEADLINE_MS, cancel.signal).then((elapsed) => !elapsed),
    ]);
    cancel.abort();
    if (!gone) await this.kill("SIGKILL");
    return this.#exited;
  }
}
