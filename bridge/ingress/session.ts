/** One device's connection, as the ingress knows it: its aliases, and whether anything more of it is taken. */
import { VeilError } from "../../core/errors.ts";
import type { MqttSession } from "../../core/ports/mqtt/server-types.ts";
import { type Login, parseLogin } from "../../core/wire/login.ts";
import { ACK_TOPIC, type AckMessage, encodeAck } from "../../core/wire/mqtt.ts";
import type { Quota, Quotas } from "../limits/quotas.ts";
import type { MailDelivery } from "../mail/delivery.ts";
import type { BridgeMetrics } from "../metrics.ts";
import type { Sighting, Sightings } from "../sightings.ts";
import type { TenantCounts } from "../tenant-counts.ts";
import { Sender } from "../writer/record.ts";
import type { AnnouncedKids } from "./announced-kids.ts";
import type { Precedent } from "./precedent.ts";
import { Turns } from "./turns.ts";

/** An alias that was accepted on this connection. */
export interface Alias {
  readonly number: number;
  readonly epoch: number;
  /** SHA-256 of its registration, b64: asked again with the same, it is answered again. */
  readonly request: string;
  /** 32 bytes. */
  readonly tag: Buffer;
  readonly hexTag: string;
  /** Where its records go. */
  readonly topic: string;
  readonly partition: number;
  /** The pseudonym of this device under this tag. */
  readonly key: Buffer;
  /** The tenant's number of partitions when the alias was accepted. */
  readonly partitions: number;
  /** When the grant ends, milliseconds since 1970. */
  expMs: number;
  readonly kids: AnnouncedKids;
  /** Its last record. */
  precedent: Precedent | undefined;
}

/** Where a session is written down. */
export interface SessionBooks {
  readonly quotas: Pick<Quotas, "of">;
  readonly sightings: Pick<Sightings, "of">;
  readonly metrics: Pick<BridgeMetrics, "of">;
}

export class Session {
  readonly login: Login;
  readonly connection: MqttSession;
  /** What its publishes and bytes are charged to. */
  readonly quota: Quota;
  readonly sighting: Sighting;
  /** Its tenant's. */
  readonly counts: TenantCounts;
  /** Of its records on their way to Kafka. */
  readonly sender = new Sender();
  /** When what is in hand was read, milliseconds since 1970: the clock is asked once for all publishes of a read. */
  readAtMs = 0;
  /** From CONNACK on. */
  mail: MailDelivery | undefined;
  readonly #aliases = new Map<number, Alias>();
  /** Most publishes have the same alias as the one before. */
  #lastAlias: Alias | undefined;
  /** Made when a record has to wait: few ever do. */
  #turns: Turns | undefined;
  /** Registrations that are being judged, by alias, with their `request`; `undefined` while there are none. */
  #registering: Map<number, string> | undefined;
  /** Made when first asked for: few sessions ever wait for something, and it takes a kilobyte. */
  #ending: AbortController | undefined;
  #hasEnded = false;
  #isBroken = false;

  /** Throws INTERNAL: only a login that was authenticated gets a session. */
  constructor(connection: MqttSession, { quotas, sightings, metrics }: SessionBooks) {
    const login = parseLogin(connection.clientId);
    if (!login) throw new VeilError("INTERNAL", "a session without a login");
    this.login = login;
    this.connection = connection;
    this.quota = quotas.of(login);
    this.sighting = sightings.of(login);
    this.counts = metrics.of(login.tenant);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Aborts when the connection has ended. */
  get ended(): AbortSignal {
    this.#ending ??= new AbortController();
    if (this.#hasEnded) this.#ending.abort();
    return this.#ending.signal;
  }

  /** Those that were accepted, by number. */
  get aliases(): ReadonlyMap<number, Alias> {
    return this.#aliases;
  }

  /** The alias of this number, if it was accepted. */
  alias(number: number): Alias | undefined {
    if (this.#lastAlias?.number !== number) this.#lastAlias = this.#aliases.get(number);
    return this.#lastAlias;
  }

  accept(alias: Alias): void {
    this.#aliases.set(alias.number, alias);
    this.#lastAlias = alias;
  }

  /** From now on it was never accepted. */
  withdraw({ number }: Alias): void {
    this.#aliases.delete(number);
    this.#lastAlias = undefined;
  }

  /** Whether a record waits to be judged: the next ones queue up behind it. */
  get mustQueue(): boolean {
    return this.#turns?.isFree === false;
  }

  /** Those of records that wait. */
  get turns(): Turns {
    this.#turns ??= new Turns();
    return this.#turns;
  }

  /** Aliases that were accepted or are being judged. */
  get aliasCount(): number {
    return this.#aliases.size + (this.#registering?.size ?? 0);
  }

  /** The `request` of an alias that was accepted or is being judged. */
  requestOf(alias: number): string | undefined {
    return this.#aliases.get(alias)?.request ?? this.#registering?.get(alias);
  }

  beginRegistering(alias: number, request: string): void {
    this.#registering ??= new Map();
    this.#registering.set(alias, request);
  }

  endRegistering(alias: number): void {
    this.#registering?.delete(alias);
    if (this.#registering?.size === 0) this.#registering = undefined;
  }

  /** Something was refused for good: what the device sent after it is not taken, so that nothing overtakes. */
  get isBroken(): boolean {
    return this.#isBroken || this.#hasEnded;
  }

  break(): void {
    this.#isBroken = true;
  }

  end(): void {
    this.#hasEnded = true;
    this.#ending?.abort();
    this.mail?.stop();
  }

  /** Tells the device, if it is still there. */
  push(message: AckMessage): void {
    const pushed = this.connection.push({ topic: ACK_TOPIC, payload: encodeAck(message) }, 0);
    // It ended: then it will register again and hear the same.
    pushed.catch(() => undefined);
  }
}
