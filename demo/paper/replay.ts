/** The scenes of the report's chapter 4, played with real processes; what each showed is read from what they printed. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT } from "../../cli/exit-codes.ts";
import { VeilError } from "../../core/errors.ts";
import { makeFolder } from "../../core/runtime/files.ts";
import type { ConsumerRole } from "./consumer.ts";
import { readAfter, readBeginning, readBroker, readReceived, readSent } from "./lines.ts";
import type { MatchRole } from "./match-server.ts";
import type { ConsumerRun, Observed, ProducerRun } from "./observed.ts";
import type { Operator } from "./operator.ts";
import { heading, spoken } from "./picture.ts";
import type { ProducerRole } from "./producer.ts";
import { EARLIER_RUNS, type ReportTopic } from "./report.ts";
import { Role } from "./role.ts";

/** The replay's own deadline for one step, beside the time that its records take. */
const STEP_DEADLINE_MS = 60_000;

export interface ReplayOptions {
  readonly zookeeper: string;
  readonly operator: Operator;
  readonly records: number;
  readonly intervalMs: number;
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export class Replay {
  readonly #options: ReplayOptions;
  readonly #roles: Role[] = [];
  #match = "";

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Throws UNAVAILABLE or TIMEOUT where a program does not do its part, STOPPED if interrupted. */
  async play(): Promise<Observed> {
    const { zookeeper, operator } = this.#options;
    await makeFolder(this.#options.dir);
    const settings: MatchRole = { zookeeper };
    const match = await this.#start("match-server", settings);
    this.#match = await match.until((line) => readAfter("Matching on ", line));
    const { names, listed } = await this.#listTopics();
    const first = await this.#comeLate();
    const second = await this.#comeAgain();
    const streaming = await this.#stopAndResume();
    this.#title("4.7", "The latest offset in the topic");
    const latest = await operator.latestOffset(names["topic-2"]);
    this.#print("operator", latest);
    const missing = await this.#findNothing();
    return {
      names,
      brokers: await operator.listBrokers(),
      listed,
      first,
      second,
      streaming,
      latest,
      answer: match.lines.findLast((line) => line.startsWith("{")) ?? "",
      leader: await operator.firstLeader(names["topic-2"]),
      missing,
    };
  }

  /** Ends all programs that still run. */
  async stop(): Promise<void> {
    await Promise.all(this.#roles.splice(0).map((role) => role.stop()));
  }

  async #listTopics(): Promise<Pick<Observed, "names" | "listed">> {
    this.#title("4.1", "List of encrypted topic");
    const create = async (topic: ReportTopic): Promise<string> => {
      const producer = await this.#produce(topic, { records: 0 });
      return (await producerRun(producer)).name;
    };
    const names = {
      "topic-1": await create("topic-1"),
      "topic-2": await create("topic-2"),
      "topic-3": await create("topic-3"),
    };
    const listed = await this.#options.operator.listTopics();
    for (const name of listed) this.#print("operator", name);
    return { names, listed };
  }

  async #comeLate(): Promise<Observed["first"]> {
    const { records, dir } = this.#options;
    this.#title("4.2, 4.4", "A producer sending records (1), (2)");
    const holdUntil = join(dir, "consumer-has-subscribed");
    const producer = await this.#produce("topic-1", { holdUntil });
    await producer.until(readSent);
    this.#title("4.5", "A consumer receiving records (2): it comes when the first is gone");
    const consumer = await this.#consume("topic-1", records - 1);
    await consumer.until(readBeginning);
    await writeFile(holdUntil, "");
    return { producer: await producerRun(producer), consumer: await consumerRun(consumer) };
  }

  async #comeAgain(): Promise<Observed["second"]> {
    this.#title("4.3", "A consumer receiving records (1): the next that the producer sends");
    const consumer = await this.#consume("topic-1", 2 * this.#options.records - 1);
    await consumer.until(readBeginning);
    const producer = await this.#produce("topic-1");
    return { producer: await producerRun(producer), consumer: await consumerRun(consumer) };
  }

  async #stopAndResume(): Promise<Observed["streaming"]> {
    const { records, say } = this.#options;
    this.#title("4.6", "Data streaming between a producer and consumer");
    const earlier = EARLIER_RUNS * records;
    say(`${earlier} earlier records for topic-2, without pauses (the report's came before)`);
    await producerRun(await this.#produce("topic-2", { records: earlier, intervalMs: 0 }, true));

    const third = Math.floor(records / 3);
    const leaver = await this.#consume("topic-2", earlier + third - 1);
    await leaver.until(readBeginning);
    const producer = await this.#produce("topic-2");
    const before = await consumerRun(leaver);
    say("the consumer has stopped; the producer goes on");
    const missed = earlier + 2 * third - 1;
    await producer.until((line) => (readSent(line)?.offset === missed ? line : null));
    const after = await this.#consume("topic-2", earlier + records - 1);
    return { producer: await producerRun(producer), before, after: await consumerRun(after) };
  }

  async #findNothing(): Promise<string> {
    this.#title("the last paragraph", "A topic that nobody created");
    const consumer = await this.#consume("topic-4", 0);
    await consumer.end(EXIT.TOPIC_NOT_FOUND);
    return consumer.lines.at(-1) ?? "";
  }

  async #produce(
    topic: string,
    changes: Partial<ProducerRole> = {},
    isQuiet = false,
  ): Promise<Role> {
    const { zookeeper, records, intervalMs } = this.#options;
    const usual: ProducerRole = { zookeeper, topic, records, intervalMs, holdUntil: null };
    return this.#start("producer", { ...usual, ...changes }, isQuiet);
  }

  async #consume(topic: string, lastOffset: number): Promise<Role> {
    const settings: ConsumerRole = { match: this.#match, topic, lastOffset };
    return this.#start("consumer", settings);
  }

  async #start(program: string, settings: object, isQuiet = false): Promise<Role> {
    const { dir, signal, records, intervalMs } = this.#options;
    const role = new Role({
      program,
      settings,
      logFile: join(dir, `${program}.log`),
      onLine: (line) => {
        if (!isQuiet) this.#print(program, line);
      },
      deadlineMs: STEP_DEADLINE_MS + records * intervalMs,
      signal,
    });
    await role.start();
    this.#roles.push(role);
    return role;
  }

  #title(figure: string, caption: string): void {
    process.stderr.write(heading(figure, caption));
  }

  #print(speaker: string, line: string): void {
    process.stderr.write(spoken(speaker, line));
  }
}

/** Waits for the producer's end. */
async function producerRun(role: Role): Promise<ProducerRun> {
  await role.end();
  return {
    broker: only(role, readBroker),
    name: only(role, (line) => readAfter("Publish to ", line)),
    sent: role.lines.map(readSent).filter((record) => record !== null),
  };
}

/** Waits for the consumer's end. */
async function consumerRun(role: Role): Promise<ConsumerRun> {
  await role.end();
  return {
    trapdoor: only(role, (line) => readAfter("Trapdoor is ", line)),
    broker: only(role, readBroker),
    name: only(role, (line) => readAfter("Subscribe topic ", line)),
    beginning: only(role, readBeginning),
    received: role.lines.map(readReceived).filter((record) => record !== null),
  };
}

function only<T>(role: Role, find: (line: string) => T | null): T {
  const [found, ...more] = role.lines.map(find).filter((value) => value !== null);
  if (found === undefined || more.length > 0)
    throw new VeilError("INTERNAL", "a program did not print what the report's does");
  return found;
}
