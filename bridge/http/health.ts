/** Whether the bridge's three supports answer: Kafka, ZooKeeper and the disk, really asked. */
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type ErrorCode, isVeilError, VeilError } from "../../core/errors.ts";
import type { KafkaAdmin } from "../../core/ports/kafka/admin.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { SharedCheck } from "../store/shared-check.ts";

/** Whoever asks, the supports are asked once in this time. */
const MIN_INTERVAL_MS = 1_000;
const TIMEOUT_MS = 5_000;

const SUPPORTS = ["kafka", "zookeeper", "disk"] as const;
export type Support = (typeof SUPPORTS)[number];

export interface Finding {
  readonly state: "up" | "down";
  /** How long the answer took. */
  readonly tookMs: number;
  readonly code?: ErrorCode;
}
export type Findings = Readonly<Record<Support, Finding>>;

export interface HealthOptions {
  readonly admin: Pick<KafkaAdmin, "describeCluster">;
  readonly zookeeper: Pick<ZooKeeper, "exists">;
  /** A file is written there, made durable and removed. */
  readonly stateDir: string;
}

export class Health {
  readonly #options: HealthOptions;
  readonly #check = new SharedCheck({ check: () => this.#ask(), minIntervalMs: MIN_INTERVAL_MS });
  #findings: Findings | undefined;
  #kafkaAtMs = -Infinity;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Asks all three, each for at most 5 s. Does not throw for what it finds. */
  async ask(): Promise<Findings> {
    await this.#check.ask();
    if (!this.#findings) throw new VeilError("INTERNAL", "the checks found nothing");
    return this.#findings;
  }

  /** How long ago Kafka last answered a check; Infinity before the first answer. */
  kafkaAgeMs(): number {
    return performance.now() - this.#kafkaAtMs;
  }

  async #ask(): Promise<void> {
    const { admin, zookeeper } = this.#options;
    const [kafka, keeper, disk] = await Promise.all([
      find(async () => {
        const { brokers, hasController } = await admin.describeCluster();
        if (brokers.length === 0 || !hasController)
          throw new VeilError("UNAVAILABLE", "the Kafka cluster has no controller");
      }),
      find(() => zookeeper.exists("/")),
      find(() => this.#writeProbe()),
    ]);
    if (kafka.state === "up") this.#kafkaAtMs = performance.now();
    this.#findings = { kafka, zookeeper: keeper, disk };
  }

  async #writeProbe(): Promise<void> {
    const path = join(this.#options.stateDir, ".probe");
    const file = await open(path, "w", 0o600);
    try {
      await file.writeFile("probe\n");
      await file.sync();
    } finally {
      await file.close();
    }
    await unlink(path);
  }
}

async function find(question: () => Promise<unknown>): Promise<Finding> {
  const beganMs = performance.now();
  const tookMs = (): number => Math.round(performance.now() - beganMs);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new VeilError("TIMEOUT", "no answer in time");
    timer = setTimeout(() => reject(error), TIMEOUT_MS);
  });
  try {
    await Promise.race([question(), late]);
    return { state: "up", tookMs: tookMs() };
  } catch (error) {
    const code = isVeilError(error) ? error.code : "DISK";
    return { state: "down", tookMs: tookMs(), code };
  } finally {
    clearTimeout(timer);
  }
}
