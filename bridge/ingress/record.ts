/**
 * `v1/rec/<alias>`: a record on its way to Kafka (PROTOCOL.md §3 and §5).
 *
 *   header → epoch, signature flag → its key was announced here → writer, acks=all → PUBACK
 *
 * Records of one connection reach the writer in the order in which they were published: while one waits for the
 * registry, the later ones wait behind it.
 */
import { isVeilError, type RefusalCode, VeilError } from "../../core/errors.ts";
import type { MqttFarewell, MqttPublish } from "../../core/ports/mqtt/server-types.ts";
import { decodeHeader, inspectRecord, peekIdentity } from "../../core/scheme/record/header.ts";
import { ACK_TOPIC, type AckMessage, encodeAck } from "../../core/wire/mqtt.ts";
import { isOfTags } from "../directory/epochs.ts";
import { type Sender, WriterRecord } from "../writer/record.ts";
import { Precedent } from "./precedent.ts";
import { retryUntilEnd } from "./retry.ts";
import { type IngressServices, noteRefusal, refusalCodeOf } from "./services.ts";
import type { Alias, Session } from "./session.ts";
import { type Terms, termsOf } from "./terms.ts";

/** What was published. */
interface Published {
  readonly alias: Alias;
  readonly publish: MqttPublish;
  /** When, milliseconds since 1970. */
  readonly nowMs: number;
}

/** Writes a record, waiting for Kafka as long as the device does; its publish hears what becomes of it. */
export function takeRecord(
  services: IngressServices,
  session: Session,
  { alias, publish, nowMs }: Published,
): void {
  const job = new Job(services, session, alias, publish);
  try {
    if (!session.mustQueue && begin(job, nowMs)) return;
  } catch (error) {
    publish.answer(refuse(job, error));
    return;
  }
  takeLater(job);
}

/** A record under way. It is what the writer is given, too: every record makes this one object and no closure. */
class Job extends WriterRecord {
  readonly services: IngressServices;
  readonly session: Session;
  readonly alias: Alias;
  readonly publish: MqttPublish;

  constructor(services: IngressServices, session: Session, alias: Alias, publish: MqttPublish) {
    super(alias.key, publish.payload);
    this.services = services;
    this.session = session;
    this.alias = alias;
    this.publish = publish;
  }

  get topic(): string {
    return this.alias.topic;
  }

  get partition(): number {
    return this.alias.partition;
  }

  get sender(): Sender {
    return this.session.sender;
  }

  onSettled(error?: VeilError): void {
    if (error) {
      this.publish.answer(refuse(this, error));
      return;
    }
    const { counts } = this.session;
    counts.record(this.value.length);
    this.publish.answer("ack", counts.pubacks.rec);
  }
}

/**
 * Judges a record and gives it to the writer, whose word is the answer; `false` if the registry must be asked first.
 * This is every record's way: no promise is made on it.
 */
function begin(job: Job, nowMs: number): boolean {
  const { services, session, alias, value } = job;
  if (session.isBroken) throw new VeilError("DISCONNECTED", "an earlier publish was refused");
  if (!alias.precedent?.covers(value, services.directory.changes, nowMs)) {
    const terms = judge(job, nowMs);
    if (!alias.kids.hasKidOf(value)) return false;
    alias.precedent = new Precedent(value, terms);
    // It does what it is here for.
    session.connection.readInSlices(false);
  }
  services.writer.write(job);
  return true;
}

/** When it is its turn. */
function takeLater(job: Job): void {
  const { session, publish } = job;
  session.turns
    .take(() => askThenBegin(job))
    .catch((error: unknown) => publish.answer(refuse(job, error)));
}

/** As `begin`, and where it must be, after a question to the registry. */
async function askThenBegin(job: Job): Promise<void> {
  try {
    if (beginLate(job)) return;
    await askRegistry(job);
    if (!beginLate(job)) throw new VeilError("INTERNAL", "a kid was forgotten at once");
  } catch (error) {
    // Here and not where it is answered: the next one's turn comes before that.
    job.session.break();
    throw error;
  }
}

/** As `begin`, for a record that has waited: its alias may have been withdrawn meanwhile. */
function beginLate(job: Job): boolean {
  const { services, session, alias } = job;
  if (session.alias(alias.number) !== alias)
    throw new VeilError("NO_GRANT", "the client may no longer publish to this topic");
  return begin(job, services.nowMs());
}

async function askRegistry({ services, session, alias, value }: Job): Promise<void> {
  const { tenant, client: producerId } = session.login;
  const { kid } = decodeHeader(value);
  const key = { tenant, tag: alias.tag, kid, producerId };
  if (!(await retryUntilEnd(session, () => services.registry.has(key))))
    throw new VeilError("BAD_RECORD", "the record's key was never announced here");
  alias.kids.add(kid);
}

/** What can be judged at once. Throws BAD_RECORD, TOO_LARGE, EPOCH, NO_GRANT, REVOKED. */
function judge({ services, session, alias, value }: Job, nowMs: number): Terms {
  const { epoch, suite, signed } = inspectRecord(value);
  const terms = termsOf(services.directory, { login: session.login, alias }, { epoch, nowMs });
  if (suite !== terms.suite) throw new VeilError("EPOCH", "the record's suite is not its epoch's");
  if (terms.mustSign && !signed)
    throw new VeilError("BAD_RECORD", "the client's records must be signed");
  return terms;
}

/** Whether the alias itself has ended, by the bridge's clock: no record of it is at fault. */
function isOver({
  services,
  session,
  alias,
}: Pick<Job, "services" | "session" | "alias">): boolean {
  const tenant = services.directory.tenant(session.login.tenant);
  return !tenant || !isOfTags(tenant, alias.epoch, services.nowMs());
}

/** Codes that speak of this very record: the device puts it aside. The others speak of its topic or its connection. */
const OF_THE_RECORD: ReadonlySet<RefusalCode> = new Set(["BAD_RECORD", "TOO_LARGE", "EPOCH"]);

function refuse({ services, session, alias, value }: Job, error: unknown): MqttFarewell {
  session.break();
  const { login } = session;
  const known = isVeilError(error) ? error : undefined;
  const code = known && refusalCodeOf(known);
  if (known?.code === "NOT_FOUND") services.topics.forget(alias.topic);
  if (known && code) noteRefusal(services, { login, what: "rec", code, reason: known.message });
  else if (!isFarewell(known))
    services.log.error({ err: error, tenant: login.tenant }, "a record was not written");
  const reason = known?.message ?? "a record was not written";
  if (!code || known?.retryable) return { reason };
  const refusal = { alias: alias.number, status: "refused", code, message: reason } as const;
  const isOfRecord = OF_THE_RECORD.has(code) && !isOver({ services, session, alias });
  const identity = isOfRecord ? peekIdentity(value) : null;
  const ack: AckMessage = identity
    ? { ...refusal, kid: identity.kid.toString("base64url"), seq: identity.seq.toString() }
    : refusal;
  return { reason, message: { topic: ACK_TOPIC, payload: encodeAck(ack) } };
}

/** The session or the bridge ended: nothing went wrong with this record. */
function isFarewell(error: VeilError | undefined): boolean {
  return isVeilError(error, "DISCONNECTED") || isVeilError(error, "STOPPED");
}
