/** A play from its first reading to its end: what happens to whom, and what must be true of it afterwards. */
import type fc from "fast-check";
import { expect } from "vitest";
import { SimAgent } from "./agent.ts";
import { SimBridge, SimRegistry } from "./bridge.ts";
import { type Fate, MAX_RECORD_BYTES, SimKafka } from "./kafka.ts";
import { Network } from "./network.ts";
import { type Death, SimReader } from "./reader.ts";
import { Stage } from "./stage.ts";
import { DEVICES, kafkaTopic, PlayDirectory, TOPICS } from "./tenant.ts";

/** One thing that is done to the cast. */
export type Act =
  | { do: "read"; device: number; topic: number; count: number; poison: boolean }
  | { do: "cut"; device: number }
  | { do: "kill agent"; device: number }
  | { do: "kill bridge"; bridge: number }
  | { do: "revoke a reader" }
  | { do: "fail the output"; death: Death }
  | { do: "kill the consumer"; power: boolean }
  | { do: "restart the consumer"; keepsState: boolean };

export interface Plan {
  readonly acts: readonly Act[];
  /** By topic, what its batches meet. */
  readonly fates: readonly (readonly Fate[])[];
  readonly registry: readonly ("before" | "after")[];
  /** How many records the consumer gets at a time. */
  readonly fetch: number;
}

const BRIDGES = ["bridge-1", "bridge-2"];
const MAX_EVENTS = 50_000;
/** So that it finds more than one record at a time, and its files are not written all the time. */
const TURNS_BETWEEN_READS = 8;

export class Play {
  readonly stage: Stage;
  readonly #plan: Plan;
  readonly #kafka: SimKafka;
  readonly #registry: SimRegistry;
  readonly #directory = new PlayDirectory();
  readonly #network: Network;
  readonly #bridges: SimBridge[] = [];
  readonly #agents: SimAgent[];
  readonly #reader: SimReader;
  #isReading = true;

  constructor(options: { scheduler: fc.Scheduler; plan: Plan; folder: string }) {
    const { scheduler, plan, folder } = options;
    const stage = new Stage(scheduler);
    this.stage = stage;
    this.#plan = plan;
    const fates = new Map<string, Fate[]>();
    for (const [i, topic] of TOPICS.entries())
      fates.set(kafkaTopic(topic), [...(plan.fates[i] ?? [])]);
    this.#kafka = new SimKafka({ stage, fates });
    this.#registry = new SimRegistry({ stage, troubles: [...plan.registry] });
    this.#network = new Network({
      stage,
      onPuback: ({ topic, payload }) => {
        if (topic.startsWith("v1/rec/") && !this.#kafka.isConfirmed(payload))
          stage.violations.push("a PUBACK before Kafka's confirmation");
      },
    });
    Network.current = this.#network;
    this.#agents = DEVICES.map((_, device) => {
      // Each begins with another bridge.
      const bridges = device === 0 ? BRIDGES : [...BRIDGES].reverse();
      return new SimAgent({ device, stage, network: this.#network, bridges });
    });
    this.#reader = new SimReader({ folder, kafka: this.#kafka, registry: this.#registry });
  }

  /** Plays; everything that was begun comes to an end, or it throws. */
  async perform(): Promise<void> {
    for (const bridge of BRIDGES.keys()) await this.#startBridge(bridge);
    for (const agent of this.#agents) agent.start();
    await this.#reader.start();
    this.#readOn();
    let isOver = false;
    const steps = this.#plan.acts.map((act) => ({ label: act.do, run: () => this.#act(act) }));
    void this.stage.inOrder(steps).then(() => {
      isOver = true;
    });
    await this.stage.play(() => isOver, MAX_EVENTS);
    this.#kafka.calm();
    this.stage.calm();
    await this.stage.play(() => this.#isDone(), MAX_EVENTS);
    this.#isReading = false;
    while (!this.#reader.isAtEnd) await this.#reader.read(this.#plan.fetch);
    await this.#reader.stop();
  }

  /** What PROTOCOL.md §3, §5 and §7 promise. */
  async check(): Promise<void> {
    expect(this.stage.violations).toEqual([]);
    const output = await this.#reader.readings();
    for (const [device, agent] of this.#agents.entries()) {
      expect(
        agent.disk.rejected.filter(({ payload }) => payload.length <= MAX_RECORD_BYTES),
      ).toEqual([]);
      for (const [i, topic] of TOPICS.entries()) {
        const read = output.get(`${topic} ${DEVICES[device]}`) ?? [];
        // What was on the disk and not yet reported when the agent was killed may come, too.
        expect(read).toEqual([...new Set(read)].sort((a, b) => a - b));
        expect(read).toEqual(expect.arrayContaining(agent.deliverable(i)));
        expect(read.filter((reading) => agent.poisonous.has(reading))).toEqual([]);
      }
    }
  }

  #isDone(): boolean {
    return this.#agents.every((agent) => agent.isQuiet) && this.#kafka.isQuiet;
  }

  async #act(act: Act): Promise<void> {
    if (act.do === "read") this.#agents[act.device]?.read(act.topic, act.count, act.poison);
    else if (act.do === "cut") this.#network.cut(this.#agents[act.device]?.login ?? "");
    else if (act.do === "kill agent") {
      this.#agents[act.device]?.kill();
      this.#agents[act.device]?.start();
    } else if (act.do === "kill bridge") await this.#restartBridge(act.bridge);
    else if (act.do === "revoke a reader") this.#directory.revokeReader();
    else if (act.do === "fail the output") this.#reader.dieAtNextWrite(act.death);
    else if (act.do === "kill the consumer") await this.#reader.kill(act.power);
    else await this.#reader.restart(act.keepsState);
  }

  async #startBridge(index: number): Promise<void> {
    const { stage } = this;
    const kafka = this.#kafka;
    const registry = this.#registry;
    const name = BRIDGES[index] ?? "";
    const bridge = new SimBridge({ name, stage, kafka, registry, directory: this.#directory });
    this.#bridges[index] = bridge;
    await bridge.start();
  }

  async #restartBridge(index: number): Promise<void> {
    this.#bridges[index]?.kill();
    this.#network.kill(BRIDGES[index] ?? "");
    this.stage.later("a bridge starts", () => this.#startBridge(index));
  }

  #readOn(): void {
    const read = async (): Promise<void> => {
      if (!this.#isReading) return;
      await this.#reader.read(this.#plan.fetch);
      // At the end there must be moments when nothing else can happen, for time to pass.
      if (this.stage.isTicking || !this.#reader.isAtEnd) this.#readOn();
    };
    this.stage.muchLater("the consumer reads", read, TURNS_BETWEEN_READS);
  }
}
