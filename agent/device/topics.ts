/**
 * The topics of an agent, each with one intake: there its ports meet, since two kids of one producer at a time would
 * not be in order.
 */
import type { VeilError } from "../../core/errors.ts";
import type { Part } from "../../core/runtime/lifecycle.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { AeadId } from "../../core/scheme/record/header.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { type Credential, newestEpoch } from "../../core/wire/credential.ts";
import { importSigningKey } from "../../core/wire/keys.ts";
import type { AgentSettings } from "./config.ts";
import type { OutboxWriter } from "./outbox/api.ts";
import type { StreamId } from "./outbox/entry.ts";
import { chosenAead } from "./sealing/aead-choice.ts";
import { Intake } from "./sealing/intake.ts";
import { type Reading, Sealer, type SealerOptions } from "./sealing/sealer.ts";

export interface TopicsOptions {
  readonly settings: Pick<
    AgentSettings,
    "ports" | "selfReport" | "credential" | "outbox" | "aead" | "padding"
  >;
  readonly outbox: OutboxWriter;
  readonly scheme: SealerOptions["scheme"];
  readonly log: Logger;
}

export class Topics {
  readonly #options: TopicsOptions;
  #aead: AeadId | undefined;
  readonly #intakes: ReadonlyMap<string, Intake>;
  #taken = 0;

  /** Throws BAD_CREDENTIAL where the credential has no key for its newest epoch. */
  constructor(options: TopicsOptions) {
    const { settings } = options;
    this.#options = options;
    const names = new Set(settings.ports.map(({ topic }) => topic));
    if (settings.selfReport) names.add(settings.selfReport.topic);
    this.#intakes = new Map([...names].map((topic) => [topic, this.#createIntake(topic)]));
  }

  get names(): readonly string[] {
    return [...this.#intakes.keys()];
  }

  /** Readings on disk since the start. */
  get taken(): number {
    return this.#taken;
  }

  /** Readings that came and were not taken. */
  get refused(): number {
    return this.#all().reduce((sum, { dropped }) => sum + dropped, 0);
  }

  /** Why nothing is being taken at the moment, if so. */
  get trouble(): VeilError | undefined {
    return this.#all().find(({ trouble }) => trouble)?.trouble;
  }

  intakeOf(topic: string | undefined): Intake | undefined {
    return topic === undefined ? undefined : this.#intakes.get(topic);
  }

  parts(): Part[] {
    return this.#all().map((intake) => ({ name: "intake", stop: () => intake.stop() }));
  }

  offerToAll(reading: Reading): void {
    for (const intake of this.#all())
      intake
        .offer(reading)
        .catch((error: unknown) => this.#options.log.error({ err: error }, "no clock record"));
  }

  /** Readings are sealed for its newest epoch from now on. */
  use(credential: Credential): void {
    for (const [topic, intake] of this.#intakes) intake.use(this.#createSealer(topic, credential));
  }

  rekey(stream: StreamId): void {
    for (const intake of this.#all()) intake.rekey(stream);
  }

  suspend(isSuspended: boolean): void {
    for (const intake of this.#all()) intake.suspend(isSuspended);
  }

  #all(): Intake[] {
    return [...this.#intakes.values()];
  }

  #createIntake(topic: string): Intake {
    const { settings, outbox, log } = this.#options;
    return new Intake({
      sealer: this.#createSealer(topic, settings.credential),
      outbox,
      policy: settings.outbox.policy,
      log,
      onTaken: (records) => {
        this.#taken += records;
      },
    });
  }

  /** Chosen when the first key is made: measuring would delay the start. */
  #chosenAead(): AeadId {
    const { settings, log } = this.#options;
    this.#aead ??= chosenAead(settings.aead, log);
    return this.#aead;
  }

  #createSealer(topic: string, credential: Credential): Sealer {
    const { epoch, parameters } = newestEpoch(credential);
    return new Sealer({
      suite: SUITE[parameters.suite],
      realm: { tenant: credential.tenant, epoch },
      topic,
      producerId: credential.client,
      signingKey: importSigningKey(credential.signingKey),
      signs: credential.signs,
      aead: () => this.#chosenAead(),
      padded: this.#options.settings.padding,
      scheme: this.#options.scheme,
    });
  }
}
