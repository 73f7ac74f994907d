/** One Java server as a child process that cannot outlive this one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { makeFolder } from "../../core/runtime/files.ts";

export interface ServerOptions {
  readonly name: string;
  /** Holds the configuration, `data/` and `server.log`. */
  readonly folder: string;
  readonly classpath: string;
  readonly mainClass: string;
  readonly heapMiB: number;
  readonly configName: string;
  readonly config: Readonly<Record<string, string | number | boolean>>;
  /** Asks the server itself: resolves `true` once it serves. May throw: then it does not serve yet. */
  readonly isReady: () => Promise<boolean>;
}

/** Quick to start and small; tests and the demo gain nothing from the optimising compiler. */
const JVM_FLAGS = [
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-XX:-UsePerfData",
  "-Djava.net.preferIPv4Stack=true",
];

const LOG_CONFIG = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %-5p %c{1}: %m%n
`;

const READY_DEADLINE_MS = 60_000;
const READY_POLL_MS = 100;
const TERM_DEADLINE_MS = 10_000;
const LOG_TAIL_LINES = 20;

export class ServerProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ServerOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.logFile = join(options.folder, "server.log");
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process; what it prints is appended to `logFile`. `awaitReady()` says when it serves. */
  async spawn(): Promise<void> {
    const { folder, classpath, mainClass, heapMiB, configName, config } = this.#options;
    await makeFolder(join(folder, "data"));
    const configFile = join(folder, configName);
    const logConfig = join(folder, "log4j.properties");
    const properties = Object.entries(config).map(([key, value]) => `${key}=${value}\n`);
    await Promise.all([
      writeFile(configFile, properties.join("")),
      writeFile(logConfig, LOG_CONFIG),
    ]);
    const java = [
      "java",
      `-Xmx${heapMiB}m`,
      ...JVM_FLAGS,
      `-Dlog4j.configuration=file:${logConfig}`,
    ];
    const log = await open(this.logFile, "a");
    try {
      this.#run([...java, "-cp", classpath, mainClass, configFile], log.fd);
    } finally {
      await log.close();
    }
  }

  /**
   * The kernel kills the child when the *thread* that started it ends, however that happens (PR_SET_PDEATHSIG,
   * kept across exec). `detached`: Ctrl-C in a terminal reaches this process only, which then stops the
   * servers in order.
   */
  #run(command: readonly string[], logFd: number): void {
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
      stdio: ["ignore", logFd, logFd],
      detached: true,
    });
    this.#child = child;
    this.#exited = Promise.race([once(child, "exit"), once(child, "error")]).finally(() => {
      this.#child = undefined;
    });
  }

  /** Throws UNAVAILABLE if the server ends, TIMEOUT after a minute, STOPPED if `signal` aborts. */
  async awaitReady(signal: AbortSignal, isReady = this.#options.isReady): Promise<void> {
    const deadline = Date.now() + READY_DEADLINE_MS;
    while (!(await isReady().catch(() => false))) {
      if (signal.aborted)
        throw new VeilError("STOPPED", `the start of ${this.name} was interrupted`);
      if (!this.running) throw await this.#failure("UNAVAILABLE", "ended while starting");
      if (Date.now() > deadline) throw await this.#failure("TIMEOUT", "did not become ready");
      await pause(READY_POLL_MS, signal);
    }
  }

  /** Sends `signal`; after SIGKILL resolves when the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    if (signal === "SIGKILL") await this.#exited;
  }

  /** Ends the process for certain: SIGTERM, and SIGKILL if it does not follow. */
  async stop(): Promise<void> {
    await this.kill("SIGTERM");
    await this.kill("SIGCONT");
    const cancel = new AbortController();
    const gone = await Promise.race([
      this.#exited.then(() => true),
      pause(TERM_DEADLINE_MS, cancel.signal).then(() => false),
    ]);
    cancel.abort();
    if (!gone) await this.kill("SIGKILL");
  }

  async #failure(code: "UNAVAILABLE" | "TIMEOUT", what: string): Promise<VeilError> {
    const log = await readFile(this.logFile, "utf8").catch(() => "");
    const tail = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    return new VeilError(code, `${this.name} ${what}; the end of ${this.logFile}:\n${tail}`);
  }
}
