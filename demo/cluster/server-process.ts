/** One Java server as a child process that cannot outlive this one. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { pause } from "../../core/runtime/backoff.ts";
import { makeFolder, replaceFile } from "../../core/runtime/files.ts";
import { GuardedProcess } from "../guarded-process.ts";

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

const LOG_CONFIG_NAME = "log4j.properties";
const LOG_CONFIG = `log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %-5p %c{1}: %m%n
`;

const READY_DEADLINE_MS = 60_000;
const READY_POLL_MS = 100;
const LOG_TAIL_LINES = 20;

export class ServerProcess {
  readonly name: string;
  readonly logFile: string;
  readonly #options: ServerOptions;
  readonly #process: GuardedProcess;

  constructor(options: ServerOptions) {
    this.name = options.name;
    this.logFile = join(options.folder, "server.log");
    this.#options = options;
    const { name, logFile } = this;
    this.#process = new GuardedProcess({ name, logFile, command: commandOf(options) });
  }

  get running(): boolean {
    return this.#process.running;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Starts the process; what it prints is appended to `logFile`. `awaitReady()` says when it serves. */
  async spawn(): Promise<void> {
    const { folder, configName, config } = this.#options;
    await makeFolder(join(folder, "data"));
    const properties = Object.entries(config).map(([key, value]) => `${key}=${value}\n`);
    await Promise.all([
      replaceFile(join(folder, configName), properties.join("")),
      replaceFile(join(folder, LOG_CONFIG_NAME), LOG_CONFIG),
    ]);
    await this.#process.spawn();
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
    await this.#process.kill(signal);
  }

  /** Ends the process for certain: SIGTERM, and SIGKILL if it does not follow. */
  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async #failure(code: "UNAVAILABLE" | "TIMEOUT", what: string): Promise<VeilError> {
    const log = await readFile(this.logFile, "utf8").catch(() => "");
    const tail = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    return new VeilError(code, `${this.name} ${what}; the end of ${this.logFile}:\n${tail}`);
  }
}

function commandOf({ folder, classpath, mainClass, heapMiB, configName }: ServerOptions): string[] {
  const log = `-Dlog4j.configuration=file:${join(folder, LOG_CONFIG_NAME)}`;
  const flags = [`-Xmx${heapMiB}m`, ...JVM_FLAGS, log];
  return ["java", ...flags, "-cp", classpath, mainClass, join(folder, configName)];
}
