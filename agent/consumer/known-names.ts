/**
 * What a consumer's topics are called in Kafka, by epoch, as matches have told. When an epoch's grace window is over no
 * bridge matches it any more, but what was not read yet is still there, and its keys: then this is what finds it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { VeilError } from "../../core/errors.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { epochField, parseJson } from "../../core/wire/fields.ts";
import { kafkaTopicField } from "../../core/wire/http.ts";

const schema = z.strictObject({
  veilmq: z.literal("names"),
  version: z.literal(1),
  names: z.array(
    z.strictObject({ topic: z.string(), epoch: epochField, kafkaTopic: kafkaTopicField }),
  ),
});
type Name = z.output<typeof schema>["names"][number];

export class KnownNames {
  readonly #path: string | null;
  #names: Name[] = [];
  #writing: Promise<void> = Promise.resolve();

  /** `stateDir`: the consumer's own; `null` keeps them in memory only. */
  constructor(options: { readonly stateDir: string | null }) {
    this.#path = options.stateDir === null ? null : join(options.stateDir, "names.json");
  }

  /** Throws CONFIG where the file is damaged. */
  async start(): Promise<void> {
    const path = this.#path;
    if (path === null) return;
    const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return null;
      throw new VeilError("CONFIG", `cannot read ${path}`, { cause });
    });
    if (text === null) return;
    try {
      this.#names = parseJson(text, schema).names;
    } catch (cause) {
      const hint = "remove it: it is needed only for what was not read before a change of keys";
      throw new VeilError("CONFIG", `${path} is damaged`, { hint, cause });
    }
  }

  /** The Kafka topic; `undefined` if it was never read. */
  find(topic: string, epoch: number): string | undefined {
    return this.#names.find((name) => name.topic === topic && name.epoch === epoch)?.kafkaTopic;
  }

  /** Resolves when it is on disk. Throws what the file system does. */
  async remember(name: Name): Promise<void> {
    if (this.find(name.topic, name.epoch) === name.kafkaTopic) return;
    const others = this.#names.filter(
      ({ topic, epoch }) => topic !== name.topic || epoch !== name.epoch,
    );
    this.#names = [...others, name];
    const path = this.#path;
    if (path === null) return;
    this.#writing = this.#writing.then(() => this.#write(path));
    await this.#writing;
  }

  /** All of them, as they are by then. */
  async #write(path: string): Promise<void> {
    const file: z.input<typeof schema> = { veilmq: "names", version: 1, names: this.#names };
    await replaceSecretFile(path, JSON.stringify(file));
  }
}
