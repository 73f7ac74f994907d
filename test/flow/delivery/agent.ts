/** A device of the play: the real intake, sealer and uplink, over an outbox whose disk outlives the process. */
import { pino } from "pino";
import { Intake } from "../../../agent/device/sealing/intake.ts";
import { Sealer } from "../../../agent/device/sealing/sealer.ts";
import { KeptAnnouncements } from "../../../agent/device/uplink/kept-announcements.ts";
import { Lanes } from "../../../agent/device/uplink/lanes.ts";
import { DEFAULT_TIMINGS } from "../../../agent/device/uplink/timings.ts";
import { Uplink } from "../../../agent/device/uplink/uplink.ts";
import { AEAD } from "../../../core/scheme/record/header.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { formatLogin } from "../../../core/wire/login.ts";
import { EPOCH } from "../../support/fleet.ts";
import { MAX_RECORD_BYTES } from "./kafka.ts";
import type { Network } from "./network.ts";
import type { Stage } from "./stage.ts";
import { type Disk, emptyDisk, SimOutbox } from "./store.ts";
import { member, realm, TOPICS, token, wrap } from "./tenant.ts";

const log = pino({ level: "silent" });
/** The play computes its tokens elsewhere. */
const EMPTY = Buffer.alloc(0);

interface Process {
  readonly outbox: SimOutbox;
  readonly intakes: readonly Intake[];
  readonly uplink: Uplink;
  /** By topic: readings that were offered, and not reported as taken. */
  readonly offered: number[][];
}

export class SimAgent {
  readonly disk: Disk = emptyDisk();
  /** By topic: the readings that were reported as taken. */
  readonly taken: number[][] = TOPICS.map(() => []);
  /** Readings whose records are larger than Kafka takes. */
  readonly poisonous = new Set<number>();
  readonly #device: number;
  readonly #stage: Stage;
  readonly #network: Network;
  readonly #bridges: readonly string[];
  #kids = 0;
  #readings = 0;
  #process: Process | undefined;

  constructor(options: {
    device: number;
    stage: Stage;
    network: Network;
    bridges: readonly string[];
  }) {
    this.#device = options.device;
    this.#stage = options.stage;
    this.#network = options.network;
    this.#bridges = options.bridges;
  }

  get login(): string {
    return formatLogin(member(this.#device).login);
  }

  /** Nothing is on its way to the disk, or from it to a bridge. */
  get isQuiet(): boolean {
    if (!this.#process) return false;
    const { outbox, offered } = this.#process;
    return outbox.depth === 0 && offered.every((readings) => readings.length === 0);
  }

  /** Of a topic, what must arrive. */
  deliverable(topic: number): number[] {
    return (this.taken[topic] ?? []).filter((reading) => !this.poisonous.has(reading));
  }

  start(): void {
    const outbox = new SimOutbox({ stage: this.#stage, disk: this.disk });
    const offered: number[][] = TOPICS.map(() => []);
    const sealers = TOPICS.map((topic) => this.#sealer(topic));
    const intakes = sealers.map(
      (sealer, i) =>
        new Intake({
          ...{ sealer, outbox, log, policy: "oldest" },
          onTaken: (count) => this.taken[i]?.push(...(offered[i]?.splice(0, count) ?? [])),
        }),
    );
    const uplink = this.#uplink(outbox, sealers);
    uplink.start();
    this.#process = { outbox, intakes, uplink, offered };
  }

  /** kill -9. */
  kill(): void {
    this.#process?.outbox.kill();
    this.#network.abandon(this.login);
    void this.#process?.uplink.stop();
    this.#process = undefined;
  }

  read(topic: number, count: number, poison: boolean): void {
    for (let i = 0; i < count; i++) {
      const reading = this.#readings++;
      this.#process?.offered[topic]?.push(reading);
      if (poison) this.poisonous.add(reading);
      const ballast = poison ? [{ n: "ballast", vs: "x".repeat(MAX_RECORD_BYTES) }] : [];
      const pack = [{ n: "count", v: reading }, ...ballast];
      const plaintext = Buffer.from(JSON.stringify(pack));
      void this.#process?.intakes[topic]?.offer({ plaintext, takenAtMs: Date.now() });
    }
  }

  #sealer(topic: string): Sealer {
    const { login, signingKey } = member(this.#device);
    return new Sealer({
      ...{ realm, topic, signingKey, suite: SUITE.rsa, producerId: login.client },
      ...{ signs: false, aead: () => AEAD.aes256Gcm, padded: false, maxRecordsPerKid: 5 },
      scheme: { wrap: async () => wrap(this.#device, this.#kids++) },
    });
  }

  #uplink(outbox: SimOutbox, sealers: readonly Sealer[]): Uplink {
    const { login, secret } = member(this.#device);
    const timings = DEFAULT_TIMINGS;
    const lanes = new Lanes({
      credential: {
        ...{ tenant: login.tenant, topics: [] },
        epochs: [{ epoch: EPOCH, parameters: { suite: "rsa", nTag: EMPTY, nRec: EMPTY } }],
        halves: [{ epoch: EPOCH, halves: { tag: EMPTY } }],
      },
      configured: TOPICS.map((topic) => ({ topic, ports: [] })),
      outbox,
      scheme: { token: async (_epoch, topic) => token(this.#device, topic) },
      ...{ timings, log },
    });
    return new Uplink({
      credential: { ...login, secret },
      urls: this.#bridges.map((name) => `mqtt://${name}`),
      keepaliveS: 30,
      ...{ outbox, lanes, timings, log },
      announcements: new KeptAnnouncements({ path: null, log }),
      onRekey: (stream) => {
        for (const sealer of sealers) if (sealer.stream === stream) sealer.rekey();
      },
      onRevoked: () => this.#stage.violations.push(`${this.login} was told that it is revoked`),
      onMail: async () => this.#stage.violations.push(`${this.login} was sent mail`) < 0,
    });
  }
}
