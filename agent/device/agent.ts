/**
 * The device agent: serial lines in, sealed records out. This file only wires.
 *
 *   port → frames → readings → intake (sealed) → outbox (disk: taken) → uplink → bridge
 */
import { join } from "node:path";
import { makeFolder } from "../../core/runtime/files.ts";
import { type Part, startAll, stopAll } from "../../core/runtime/lifecycle.ts";
import { jsonAnswer, type LocalAnswer, LocalHttpServer } from "../../core/runtime/local-http.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Registry } from "../../core/runtime/metrics.ts";
import type { Pulse } from "../../core/runtime/pulse.ts";
import { AEAD, type AeadId } from "../../core/scheme/record/header.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { clockRecord, type Moment } from "../../core/wire/clock.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { importSigningKey } from "../../core/wire/keys.ts";
import { OwnCredential } from "../own-credential.ts";
import type { AgentSettings } from "./config.ts";
import type { StreamId } from "./outbox/entry.ts";
import type { OutboxReport } from "./outbox/options.ts";
import { Outbox } from "./outbox/outbox.ts";
import { Port } from "./port.ts";
import { fasterAead } from "./sealing/aead-choice.ts";
import { Intake } from "./sealing/intake.ts";
import { Scheme } from "./sealing/scheme.ts";
import { Sealer } from "./sealing/sealer.ts";
import { SelfReport } from "./self-report.ts";
import type { AgentStatus } from "./status.ts";
import { DeviceClock, type DeviceClockOptions } from "./time/clock.ts";
import { KeptAnnouncements } from "./uplink/kept-announcements.ts";
import { Lanes } from "./uplink/lanes.ts";
import { DEFAULT_TIMINGS, type Timings } from "./uplink/timings.ts";
import { Uplink } from "./uplink/uplink.ts";

const COUNTS_INTERVAL_MS = 10_000;

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly log: Logger;
  readonly timings?: Partial<Timings>;
  /** For tests: who says whether the clock is set, and how often is asked. */
  readonly clock?: Pick<DeviceClockOptions, "isSet" | "lookIntervalMs">;
}

/** One topic: where its ports meet, since two kids of one producer at a time would not be in order. */
interface Topic {
  readonly topic: string;
  readonly intake: Intake;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #outbox: Outbox;
  readonly #credential: OwnCredential;
  readonly #scheme: Scheme;
  readonly #aead: AeadId;
  readonly #topics: readonly Topic[];
  readonly #clock: DeviceClock;
  readonly #ports: readonly Port[];
  readonly #lanes: Lanes;
  readonly #announcements: KeptAnnouncements;
  readonly #uplink: Uplink;
  readonly #selfReport: SelfReport | undefined;
  readonly #parts: readonly Part[];
  #metrics: Registry | undefined;
  #taken = 0;

  /** Throws BAD_CREDENTIAL where the credential has no key for its newest epoch. */
  constructor(options: AgentOptions) {
    const { settings, log } = options;
    const { credential } = settings;
    this.#options = options;
    this.#outbox = this.#createOutbox();
    this.#credential = new OwnCredential({
      credential,
      store: settings.credentialStore,
      log,
      onSwap: (next) => this.#swap(next),
    });
    this.#scheme = new Scheme({ credential });
    this.#aead = chooseAead(settings.aead, log);
    this.#topics = this.#createTopics();
    this.#clock = this.#createClock();
    this.#ports = this.#createPorts();
    this.#lanes = this.#createLanes();
    this.#announcements = new KeptAnnouncements({
      path: join(settings.stateDir, "announcements.json"),
      log,
    });
    this.#uplink = this.#createUplink();
    this.#selfReport = this.#createSelfReport();
    this.#parts = this.#createParts();
  }

  /** Throws UNAVAILABLE where another agent uses the same state, CONFIG, DISK. */
  async start(): Promise<void> {
    await makeFolder(this.#options.settings.stateDir);
    await startAll(this.#parts, this.#options.log);
  }

  /**
   * Stops reading, seals what was framed, syncs it, and waits shortly for what is in flight. `false` where
   * a part did not stop cleanly.
   */
  async stop(): Promise<boolean> {
    return stopAll(this.#parts, this.#options.log);
  }

  /** The loops that must turn while the agent runs. */
  pulses(): readonly Pulse[] {
    return [this.#uplink.pulse, ...this.#ports.map(({ pulse }) => pulse)];
  }

  status(): AgentStatus {
    const { tenant, client } = this.#options.settings.credential;
    const trouble = this.#topics.find(({ intake }) => intake.trouble)?.intake.trouble;
    const { lastError } = this.#uplink;
    return {
      tenant,
      client,
      epoch: this.#lanes.epoch,
      ports: this.#ports.map((port, index) => this.#portStatus(port, index)),
      taken: this.#taken,
      refused: this.#topics.reduce((sum, { intake }) => sum + intake.dropped, 0),
      acknowledged: this.#uplink.acknowledged,
      pending: this.#outbox.depth,
      rejected: this.#outbox.rejectedRecords,
      dropped: this.#outbox.droppedRecords,
      ...(trouble ? { trouble: trouble.message } : {}),
      uplink: {
        state: this.#uplink.state,
        ...(lastError ? { lastError: { code: lastError.code, message: lastError.message } } : {}),
        window: this.#uplink.window,
      },
      outbox: {
        bytes: this.#outbox.bytes,
        records: this.#outbox.depth,
        older: this.#lanes.older(),
      },
    };
  }

  #portStatus(port: Port, index: number): AgentStatus["ports"][number] {
    const { frames, invalid, dropped } = port.counts;
    const { error } = port;
    const newest = this.#topics.find(({ topic }) => topic === port.topic)?.intake.newest;
    return {
      index,
      path: port.path,
      profile: port.profileName,
      state: port.state,
      silent: port.isSilent,
      ...(error ? { error: error.message } : {}),
      frames,
      invalid,
      droppedFrames: dropped.frames,
      droppedBytes: dropped.bytes,
      ...(newest === undefined ? {} : { newest }),
    };
  }

  #createOutbox(): Outbox {
    const { settings, log } = this.#options;
    return new Outbox({
      folder: join(settings.stateDir, "outbox"),
      rejectedFolder: join(settings.stateDir, "rejected"),
      ...settings.outbox,
      machine: {
        monotonicMs: () => performance.now(),
        wallMs: () => Date.now(),
        isSet: () => this.#clock.isSet,
      },
      onReport: (report) => logReport(log, report),
    });
  }

  #createTopics(): Topic[] {
    const { settings, log } = this.#options;
    const names = new Set(settings.ports.map(({ topic }) => topic));
    if (settings.selfReport) names.add(settings.selfReport.topic);
    return [...names].map((topic) => {
      const intake = new Intake({
        sealer: this.#createSealer(topic, settings.credential),
        outbox: this.#outbox,
        policy: settings.outbox.policy,
        log,
        onTaken: (records) => {
          this.#taken += records;
        },
      });
      return { topic, intake };
    });
  }

  /** For the credential's newest epoch. */
  #createSealer(topic: string, credential: Credential): Sealer {
    const { epoch, parameters } = newestEpoch(credential);
    return new Sealer({
      suite: SUITE[parameters.suite],
      realm: { tenant: credential.tenant, epoch },
      topic,
      producerId: credential.client,
      signingKey: importSigningKey(credential.signingKey),
      signs: credential.signs,
      aead: this.#aead,
      padded: this.#options.settings.padding,
      scheme: this.#scheme,
    });
  }

  #createClock(): DeviceClock {
    const { settings, log } = this.#options;
    const onSet = (moment: Moment): void => {
      const reading = {
        plaintext: Buffer.from(JSON.stringify(clockRecord(moment))),
        takenAtMs: moment.wallMs,
      };
      for (const { intake } of this.#topics)
        intake
          .offer(reading)
          .catch((error: unknown) => log.error({ err: error }, "no clock record"));
    };
    const { stateDir, clock: trust } = settings;
    return new DeviceClock({ ...this.#options.clock, stateDir, trust, onSet, log });
  }

  #createPorts(): Port[] {
    const { settings, log } = this.#options;
    return settings.ports.flatMap((port) => {
      const intake = this.#topics.find(({ topic }) => topic === port.topic)?.intake;
      return intake ? [new Port({ settings: port, intake, clock: this.#clock, log })] : [];
    });
  }

  #createLanes(): Lanes {
    const { settings, log } = this.#options;
    return new Lanes({
      credential: settings.credential,
      configured: this.#topics.map(({ topic }) => ({
        topic,
        ports: settings.ports.filter((port) => port.topic === topic).map(({ path }) => path),
      })),
      outbox: this.#outbox,
      scheme: this.#scheme,
      timings: this.#timings,
      log,
    });
  }

  #createUplink(): Uplink {
    const { settings, log } = this.#options;
    return new Uplink({
      credential: settings.credential,
      urls: settings.urls,
      keepaliveS: settings.keepaliveS,
      certificate: settings.certificate,
      outbox: this.#outbox,
      lanes: this.#lanes,
      announcements: this.#announcements,
      timings: this.#timings,
      log,
      onRekey: (stream) => this.#rekey(stream),
      onRevoked: (revoked) => this.#suspend(revoked),
      onMail: (mail) => this.#credential.receive(mail),
    });
  }

  #createSelfReport(): SelfReport | undefined {
    const { settings, log } = this.#options;
    const { selfReport, stateDir } = settings;
    const intake = this.#topics.find(({ topic }) => topic === selfReport?.topic)?.intake;
    if (!selfReport || !intake) return undefined;
    const { intervalMs } = selfReport;
    const read = (): AgentStatus => this.status();
    return new SelfReport({ intervalMs, stateDir, read, clock: this.#clock, intake, log });
  }

  get #timings(): Timings {
    const { settings, timings } = this.#options;
    return { ...DEFAULT_TIMINGS, replayPerSecond: settings.replayPerSecond, ...timings };
  }

  /** In the order of starting; a stop goes the other way, so that what was framed gets to the outbox. */
  #createParts(): Part[] {
    const { settings } = this.#options;
    const local = new LocalHttpServer({
      socketPath: settings.socketPath,
      routes: {
        "/status": () => jsonAnswer(this.status()),
        "/healthz": () => healthAnswer(this.pulses()),
        "/metrics": () => this.#metricsAnswer(),
      },
    });
    return [
      { name: "outbox", start: () => this.#outbox.start(), stop: () => this.#stopOutbox() },
      { name: "scheme", stop: () => this.#scheme.stop() },
      { name: "announcements", start: () => this.#announcements.start(), stop: async () => {} },
      { name: "uplink", start: async () => this.#uplink.start(), stop: () => this.#uplink.stop() },
      ...this.#topics.map(({ intake }) => ({ name: "intake", stop: () => intake.stop() })),
      { name: "clock", start: () => this.#clock.start(), stop: () => this.#clock.stop() },
      ...this.#ports.map((port) => ({
        name: port.path,
        start: async () => port.start(),
        stop: () => port.stop(),
      })),
      this.#countsPart(),
      {
        name: "self report",
        start: async () => this.#selfReport?.start(),
        stop: async () => this.#selfReport?.stop(),
      },
      { name: "local socket", start: () => local.start(), stop: () => local.stop() },
    ];
  }

  async #metricsAnswer(): Promise<LocalAnswer> {
    const { agentMetrics } = await import("./metrics.ts");
    this.#metrics ??= agentMetrics(() => this.status());
    return { contentType: this.#metrics.contentType, body: await this.#metrics.metrics() };
  }

  /** By now nothing is added or acknowledged any more. */
  async #stopOutbox(): Promise<void> {
    const { taken, acknowledged, pending } = this.status();
    this.#options.log.info({ taken, acknowledged, pending }, "the agent stops");
    await this.#outbox.stop();
  }

  /** A line of counts when they changed, at most every 10 s. */
  #countsPart(): Part {
    const { log } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    let last = "";
    const report = (): void => {
      const { taken, refused, acknowledged, pending, rejected, dropped, ports } = this.status();
      const invalid = ports.reduce((sum, port) => sum + port.invalid, 0);
      const counts = { taken, refused, acknowledged, pending, rejected, dropped, invalid };
      const text = JSON.stringify(counts);
      if (text !== last) log.info(counts, "counts");
      last = text;
    };
    return {
      name: "counts",
      start: async () => {
        timer = setInterval(report, COUNTS_INTERVAL_MS);
      },
      stop: async () => clearInterval(timer),
    };
  }

  #rekey(stream: StreamId): void {
    for (const { intake } of this.#topics) intake.rekey(stream);
  }

  /** Newer keys, on disk by now: from here on readings are sealed with them, once the lanes can carry them. */
  #swap(credential: Credential): void {
    this.#scheme.swap(credential);
    this.#lanes.swap(credential);
    for (const { topic, intake } of this.#topics) intake.use(this.#createSealer(topic, credential));
    this.#uplink.nudge();
  }

  #suspend(revoked: boolean): void {
    const { log } = this.#options;
    for (const { intake } of this.#topics) intake.suspend(revoked);
    if (revoked) log.error("this client is revoked: nothing is taken any more; the outbox is kept");
    else log.info("this client is welcome again: readings are taken");
  }
}

/** 200 while every loop turns, 503 otherwise: what the watchdog of systemd goes by. */
function healthAnswer(pulses: readonly Pulse[]): LocalAnswer {
  const loops = pulses.map(({ name, isAlive }) => ({ name, isAlive }));
  const isAlive = loops.every((loop) => loop.isAlive);
  return { ...jsonAnswer({ isAlive, loops }), status: isAlive ? 200 : 503 };
}

function chooseAead(choice: AgentSettings["aead"], log: Logger): AeadId {
  if (choice === "aes-256-gcm") return AEAD.aes256Gcm;
  if (choice === "chacha20-poly1305") return AEAD.chacha20Poly1305;
  const faster = fasterAead();
  const name = faster === AEAD.aes256Gcm ? "aes-256-gcm" : "chacha20-poly1305";
  log.debug({ aead: name }, "the faster algorithm on this machine");
  return faster;
}

function logReport(log: Logger, report: OutboxReport): void {
  const { event, ...rest } = report;
  if (event === "disk") log.error({ err: report.error }, "the outbox's disk fails");
  else if (event === "disk-ok") log.info("the outbox's disk works again");
  else log.warn(rest, `outbox: ${event}`);
}
