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
import { clockRecord, type Moment } from "../../core/wire/clock.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { OwnCredential } from "../own-credential.ts";
import type { AgentSettings } from "./config.ts";
import { countsLine } from "./counts-line.ts";
import type { OutboxReport } from "./outbox/options.ts";
import { Outbox } from "./outbox/outbox.ts";
import { Port } from "./port.ts";
import { Scheme } from "./sealing/scheme.ts";
import type { Reading } from "./sealing/sealer.ts";
import { SelfReport } from "./self-report.ts";
import { type AgentStatus, statusOf } from "./status.ts";
import { DeviceClock, type DeviceClockOptions } from "./time/clock.ts";
import { Topics } from "./topics.ts";
import { KeptAnnouncements } from "./uplink/kept-announcements.ts";
import { Lanes } from "./uplink/lanes.ts";
import { DEFAULT_TIMINGS, type Timings } from "./uplink/timings.ts";
import { Uplink } from "./uplink/uplink.ts";

export interface AgentOptions {
  readonly settings: AgentSettings;
  readonly log: Logger;
  readonly timings?: Partial<Timings>;
  /** For tests: who says whether the clock is set, and how often is asked. */
  readonly clock?: Pick<DeviceClockOptions, "isSet" | "lookIntervalMs">;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #outbox: Outbox;
  readonly #credential: OwnCredential;
  readonly #scheme: Scheme;
  readonly #topics: Topics;
  readonly #clock: DeviceClock;
  readonly #ports: readonly Port[];
  readonly #lanes: Lanes;
  readonly #announcements: KeptAnnouncements;
  readonly #uplink: Uplink;
  readonly #selfReport: SelfReport | undefined;
  readonly #parts: readonly Part[];
  #metrics: Registry | undefined;

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
    this.#topics = new Topics({ settings, outbox: this.#outbox, scheme: this.#scheme, log });
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
    // Last, since the ports are read by now: what comes meanwhile waits in the outbox.
    this.#uplink.start();
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
    return statusOf({
      ...{ tenant, client, ports: this.#ports, topics: this.#topics, lanes: this.#lanes },
      ...{ outbox: this.#outbox, uplink: this.#uplink },
    });
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

  #createClock(): DeviceClock {
    const { settings, log } = this.#options;
    const onSet = (moment: Moment): void => {
      const reading: Reading = {
        plaintext: Buffer.from(JSON.stringify(clockRecord(moment))),
        isKept: true,
        takenAtMs: moment.wallMs,
      };
      this.#topics.offerToAll(reading);
    };
    const { stateDir, clock: trust } = settings;
    return new DeviceClock({ ...this.#options.clock, stateDir, trust, onSet, log });
  }

  #createPorts(): Port[] {
    const { settings, log } = this.#options;
    return settings.ports.flatMap((port) => {
      const intake = this.#topics.intakeOf(port.topic);
      return intake ? [new Port({ settings: port, intake, clock: this.#clock, log })] : [];
    });
  }

  #createLanes(): Lanes {
    const { settings, log } = this.#options;
    return new Lanes({
      credential: settings.credential,
      configured: this.#topics.names.map((topic) => ({
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
      onRekey: (stream) => this.#topics.rekey(stream),
      onRevoked: (revoked) => this.#suspend(revoked),
      onMail: (mail) => this.#credential.receive(mail),
    });
  }

  #createSelfReport(): SelfReport | undefined {
    const { settings, log } = this.#options;
    const { selfReport, stateDir } = settings;
    const intake = this.#topics.intakeOf(selfReport?.topic);
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
      { name: "uplink", stop: () => this.#uplink.stop() },
      ...this.#topics.parts(),
      { name: "clock", start: () => this.#clock.start(), stop: () => this.#clock.stop() },
      ...this.#ports.map((port) => ({
        name: port.path,
        start: async () => port.start(),
        stop: () => port.stop(),
      })),
      countsLine(() => this.status(), this.#options.log),
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

  /** Newer keys, on disk by now: from here on readings are sealed with them, once the lanes can carry them. */
  #swap(credential: Credential): void {
    this.#scheme.swap(credential);
    this.#lanes.swap(credential);
    this.#topics.use(credential);
    this.#uplink.nudge();
  }

  #suspend(revoked: boolean): void {
    const { log } = this.#options;
    this.#topics.suspend(revoked);
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

function logReport(log: Logger, report: OutboxReport): void {
  const { event, ...rest } = report;
  if (event === "disk") log.error({ err: report.error }, "the outbox's disk fails");
  else if (event === "disk-ok") log.info("the outbox's disk works again");
  else log.warn(rest, `outbox: ${event}`);
}
