/** The consumer of the play: the real receiver, opener, marks and checkpoint, writing a real file. */

import { readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { FORMATS } from "../../../agent/consumer/formats.ts";
import { KeyRing } from "../../../agent/consumer/key-ring.ts";
import { Opener } from "../../../agent/consumer/opener.ts";
import type { OutputFile } from "../../../agent/consumer/output-file.ts";
import { Progress } from "../../../agent/consumer/progress.ts";
import { FormattedSink } from "../../../agent/consumer/reading-sink.ts";
import { Receiver } from "../../../agent/consumer/receiver.ts";
import { FileSink, type LineSink } from "../../../agent/consumer/sinks.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import type { SimRegistry } from "./bridge.ts";
import type { SimKafka } from "./kafka.ts";
import { kafkaTopic, kmsPublicKey, realm, release, scheme, TOPICS } from "./tenant.ts";

const MAX_SCANNED = 7;
const log = pino({ level: "silent" });

/** How the next write ends the consumer: before a byte, in the middle, or after the last one. */
export type Death = "before" | "torn" | "after";

/** A file whose disk fails when it is told to. */
class DyingSink implements LineSink {
  readonly #file: FileSink;
  death: Death | undefined;
  /** What a power cut leaves. */
  durableBytes = 0;

  constructor(path: string) {
    this.#file = new FileSink(path);
  }

  async open(length: number | null, file?: OutputFile): Promise<OutputFile> {
    return await this.#file.open(length, file);
  }

  async write(lines: string): Promise<void> {
    const { death } = this;
    if (death === undefined) return this.#file.write(lines);
    this.death = undefined;
    if (death === "torn") await this.#file.write(lines.slice(0, lines.length / 2));
    if (death === "after") await this.#file.write(lines);
    throw new Error("no space left on device");
  }

  async flush(): Promise<number> {
    this.durableBytes = await this.#file.flush();
    return this.durableBytes;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

interface Life {
  readonly sink: DyingSink;
  readonly progress: Progress;
  readonly receiver: Receiver;
  /** By topic, where the feed goes on. */
  readonly next: Map<string, bigint>;
}

export interface SimReaderOptions {
  readonly folder: string;
  readonly kafka: SimKafka;
  readonly registry: SimRegistry;
}

export class SimReader {
  readonly #options: SimReaderOptions;
  readonly #output: string;
  readonly #stateDir: string;
  #life: Life | undefined;

  constructor(options: SimReaderOptions) {
    this.#options = options;
    this.#output = join(options.folder, "output.ndjson");
    this.#stateDir = join(options.folder, "state");
  }

  async start(): Promise<void> {
    const { kafka, registry } = this.#options;
    const sink = new DyingSink(this.#output);
    const output = new FormattedSink(sink, FORMATS.ndjson);
    const progress = new Progress({
      ...{ stateDir: this.#stateDir, group: "veil-play", output, rejects: null },
      onSaved: (offsets) => {
        for (const { topic, offset } of offsets) kafka.committed.set(topic, offset);
      },
    });
    await progress.start();
    const receiver = new Receiver({
      ...{ progress, log, output, rejects: null, signal: NEVER },
      giveUp: () => false,
      scan: async ({ topic, first, end, onBatch }) => {
        for (let from = first; from < end; from += BigInt(MAX_SCANNED)) {
          const batch = kafka.batch(topic, from, Math.min(MAX_SCANNED, Number(end - from)));
          if (batch) await onBatch(batch);
        }
      },
    });
    const bridge = {
      keys: async (_topic: string, kids: readonly Buffer[]) => ({
        keys: registry
          .all()
          .map(release)
          .filter(({ kid }) => kids.some((asked) => asked.equals(kid))),
        missing: [],
      }),
    };
    const next = new Map<string, bigint>();
    for (const topic of TOPICS) {
      const name = kafkaTopic(topic);
      const schemeOf = () => ({ realm, ...scheme });
      const parts = { topic, kafkaTopic: name, kmsPublicKey, bridge, schemeOf };
      receiver.addTopic(name, new Opener({ topic, log, keys: new KeyRing(parts) }));
      const high = BigInt(kafka.log(name).length);
      const committed = kafka.committed.get(name);
      const offsetAt = async (): Promise<bigint> => high;
      const range = { topic: name, partition: 0, low: 0n, high, committed, offsetAt };
      next.set(name, await receiver.startAt(range));
    }
    this.#life = { sink, progress, receiver, next };
  }

  /** Reads at most `max` records of each topic, as the feed does: batches of several partitions overlap. */
  async read(max: number): Promise<void> {
    if (!this.#life) return;
    const { receiver, next } = this.#life;
    const taken = [...next].map(async ([topic, from]) => {
      const batch = this.#options.kafka.batch(topic, from, max);
      if (!batch) return;
      await receiver.take(batch);
      next.set(topic, from + BigInt(batch.messages.length));
    });
    const done = await Promise.allSettled([...taken, receiver.saveIfDue()]);
    const failed = done.find(({ status }) => status === "rejected");
    if (failed) await this.#die({ power: false });
  }

  /** The next write fails, which ends the consumer; then it starts again. */
  dieAtNextWrite(death: Death): void {
    if (this.#life) this.#life.sink.death = death;
  }

  /** kill -9, or with `power` a power cut; then it starts again. */
  async kill(power: boolean): Promise<void> {
    await this.#die({ power });
  }

  /** A clean stop and a start again, with or without what was saved. */
  async restart(keepsState: boolean): Promise<void> {
    await this.stop();
    if (!keepsState) await rm(this.#stateDir, { recursive: true });
    await this.start();
  }

  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    await life?.progress.save();
    await life?.progress.stop();
    await life?.sink.close();
  }

  get isAtEnd(): boolean {
    const { kafka } = this.#options;
    return [...(this.#life?.next ?? [])].every(([topic, at]) => at >= kafka.log(topic).length);
  }

  /** By topic and producer, the readings in the order of their lines; throws where a line is no reading. */
  async readings(): Promise<Map<string, number[]>> {
    const readings = new Map<string, number[]>();
    const text = await readFile(this.#output, "utf8");
    for (const line of text.split("\n").slice(0, -1)) {
      const { topic, producer, pack }: Line = JSON.parse(line);
      const id = `${topic} ${producer}`;
      const value = pack.find(({ n }) => n === "count")?.v ?? Number.NaN;
      readings.set(id, [...(readings.get(id) ?? []), value]);
    }
    if (!text.endsWith("\n") && text !== "") throw new Error("the last line is torn");
    return readings;
  }

  async #die({ power }: { power: boolean }): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    // Only lets the folder and the file go, as the kernel does.
    await life?.progress.stop();
    await life?.sink.close();
    if (power && life) await truncate(this.#output, life.sink.durableBytes);
    await this.start();
  }
}

interface Line {
  readonly topic: string;
  readonly producer: string;
  readonly pack: readonly { n: string; v?: number }[];
}
