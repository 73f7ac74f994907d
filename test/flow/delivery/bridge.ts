/** A bridge of the play: the real ingress and the real writer, between a network and a Kafka that are played. */
import { pino } from "pino";
import { Ingress } from "../../../bridge/ingress/ingress.ts";
import { BridgeMetrics } from "../../../bridge/metrics.ts";
import type { RegistryEntry, RegistryKey } from "../../../bridge/registry/types.ts";
import { Rekeys } from "../../../bridge/rekey/rekeys.ts";
import { Sightings } from "../../../bridge/sightings.ts";
import { Writer } from "../../../bridge/writer/writer.ts";
import { VeilError } from "../../../core/errors.ts";
import { registryKey } from "../../../core/wire/store.ts";
import { testLimits } from "../../support/limits.ts";
import { MemoryLosses } from "../../support/memory-losses.ts";
import type { SimKafka } from "./kafka.ts";
import type { Stage } from "./stage.ts";
import { type PlayDirectory, tagOfToken } from "./tenant.ts";

/** Nobody reads it, and making one takes long. */
const metrics = new BridgeMetrics();

/** The registry of all bridges, in Kafka: it takes its time, and may fail before or after it has written. */
export class SimRegistry {
  readonly #stage: Stage;
  readonly #troubles: ("before" | "after")[];
  readonly #entries = new Map<string, RegistryEntry>();

  constructor(options: { stage: Stage; troubles: ("before" | "after")[] }) {
    this.#stage = options.stage;
    this.#troubles = options.troubles;
  }

  async register(key: RegistryKey, entry: RegistryEntry): Promise<{ isNew: boolean }> {
    const trouble = this.#troubles.shift();
    const id = registryKey(key).toString("hex");
    const isNew = !this.#entries.has(id);
    if (trouble !== "before") await this.#event(() => this.#entries.set(id, entry));
    if (trouble) throw new VeilError("UNAVAILABLE", "the registry does not answer");
    return { isNew };
  }

  async has(key: RegistryKey): Promise<boolean> {
    return this.#event(() => this.#entries.has(registryKey(key).toString("hex")));
  }

  all(): RegistryEntry[] {
    return [...this.#entries.values()];
  }

  async #event<T>(run: () => T): Promise<T> {
    return new Promise((resolve) => this.#stage.later("registry", () => resolve(run())));
  }
}

export interface SimBridgeOptions {
  readonly name: string;
  readonly stage: Stage;
  readonly kafka: SimKafka;
  readonly registry: SimRegistry;
  readonly directory: PlayDirectory;
}

export class SimBridge {
  readonly #options: SimBridgeOptions;
  readonly #writer: Writer;
  readonly #rekeys: Rekeys;
  readonly #ingress: Ingress;
  #isAlive = true;

  constructor(options: SimBridgeOptions) {
    const { name, stage, kafka, registry, directory } = options;
    this.#options = options;
    const log = pino({ level: "warn" }, { write: (line: string) => this.#judge(line) });
    const send = kafka.sendFor(name);
    this.#writer = new Writer({
      log,
      send: (batches, onResult) =>
        this.#isAlive ? send(batches, onResult) : new Promise(() => undefined),
      limits: { maxBatchMessages: 4 },
    });
    const losses = new MemoryLosses();
    this.#rekeys = new Rekeys({ directory, openLog: (_tenant, hear) => losses.open(hear) });
    this.#ingress = new Ingress({
      listener: { host: name, port: 0 },
      directory,
      matching: {
        match: async ({ token }) =>
          new Promise((resolve) => stage.later("match", () => resolve(tagOfToken(token)))),
        checkWrapped: async () => undefined,
      },
      topics: { ensure: async (topic) => topic, forget: () => undefined },
      registry,
      rekeys: this.#rekeys,
      mailboxes: {
        follow: () => () => undefined,
        open: async () => null,
        remove: async () => undefined,
      },
      writer: this.#writer,
      metrics,
      limits: testLimits(),
      sightings: new Sightings(),
      log,
    });
  }

  async start(): Promise<void> {
    await this.#rekeys.start();
    await this.#ingress.start();
  }

  /** kill -9; requests that are on their way to Kafka arrive or not. */
  kill(): void {
    this.#isAlive = false;
  }

  /** A device that keeps to the protocol is never told that it does not. */
  #judge(line: string): void {
    const { event, code, reason }: { event?: string; code?: string; reason?: string } =
      JSON.parse(line);
    if (event !== "refused" || code === "TOO_LARGE" || !this.#isAlive) return;
    this.#options.stage.violations.push(`${this.#options.name} refused: ${code}, ${reason}`);
  }
}
