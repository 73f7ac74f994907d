/**
 * `v1/rec/<alias>`: a record on its way to Kafka (PROTOCOL.md §3 and §5).
 *
 *   header → epoch, signature flag → its key was announced here → writer, acks=all → PUBACK
 *
 * Records of one connection reach the writer in the order in which they were published: while one waits for the
 * registry, the later ones wait behind it.
 */
import { isVeilError, type RefusalCode, VeilError } from "../../core/errors.ts";
import type { MqttFarewell, MqttVerdict } from "../../core/ports/mqtt/server-types.ts";
import { inspectRecord, peekIdentity } from "../../core/scheme/record/header.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { ACK_TOPIC, type AckMessage, encodeAck } from "../../core/wire/mqtt.ts";
import { epochOfRecords, isOfTags } from "../directory/epochs.ts";
import { retryUntil } from "./retry.ts";
import { type IngressServices, noteRefusal, refusalCodeOf } from "./services.ts";
import { type Alias, rememberKid, type Session } from "./session.ts";

/** Writes a record, waiting for Kafka as long as the device does. */
export async function takeRecord(
  services: IngressServices,
  session: Session,
  alias: Alias,
  payload: Buffer,
): Promise<MqttVerdict> {
  const job = { services, session, alias, payload };
  try {
    const begun = session.turns.isFree ? begin(job) : null;
    const { written } = begun ?? (await session.turns.take(() => askThenBegin(job)));
    await written;
  } catch (error) {
    return refuse(job, error);
  }
  services.metrics.recordAcknowledged(session.login.tenant, payload.length);
  return "ack";
}

interface Job {
  readonly services: IngressServices;
  readonly session: Session;
  readonly alias: Alias;
  readonly payload: Buffer;
}

/** In the writer. In an object, since a promise of a promise would wait for both. */
interface Begun {
  readonly written: Promise<void>;
}

/** Judges a record and gives it to the writer at once; `null` if the registry must be asked first. */
function begin({ services, session, alias, payload }: Job): Begun | null {
  if (session.isBroken) throw new VeilError("DISCONNECTED", "an earlier publish was refused");
  const kid = judge({ services, session, alias, payload });
  if (!alias.kids.has(kid.toString("hex"))) return null;
  const { topic, partition, key } = alias;
  return { written: services.writer.write({ topic, partition, key, value: payload, session }) };
}

/** As `begin`, and where it must be, after a question to the registry. */
async function askThenBegin(job: Job): Promise<Begun> {
  try {
    return begin(job) ?? (await askRegistry(job)) ?? forgotten();
  } catch (error) {
    // Here and not where it is answered: the next one's turn comes before that.
    job.session.break();
    throw error;
  }
}

async function askRegistry(job: Job): Promise<Begun | null> {
  const { services, session, alias, payload } = job;
  const { tenant, client: producerId } = session.login;
  const { kid } = inspectRecord(payload);
  const key = { tenant, tag: alias.tag, kid, producerId };
  if (!(await retryUntil(session.ended, () => services.registry.has(key))))
    throw new VeilError("BAD_RECORD", "the record's key was never announced here");
  rememberKid(alias, kid);
  return begin(job);
}

function forgotten(): never {
  throw new VeilError("INTERNAL", "a kid was forgotten at once");
}

/** What can be judged at once; returns the kid. Throws BAD_RECORD, TOO_LARGE, EPOCH, NO_GRANT, REVOKED. */
function judge({ services, session, alias, payload }: Job): Buffer {
  const header = inspectRecord(payload);
  const client = services.directory.client(session.login);
  const tenant = services.directory.tenant(session.login.tenant);
  if (!tenant || client?.status !== "active")
    throw new VeilError("REVOKED", "the client is revoked");
  if (services.nowMs() >= alias.expMs) throw new VeilError("NO_GRANT", "the grant has ended");
  if (isOver({ services, session, alias }))
    throw new VeilError("EPOCH", "the grace window of the alias's epoch is over");
  // The record's own may be an older one than its alias's: an outbox is emptied under the newest names.
  const { parameters } = epochOfRecords(tenant, header.epoch, services.nowMs());
  if (SUITE[parameters.suite] !== header.suite)
    throw new VeilError("EPOCH", "the record's suite is not its epoch's");
  if (client.signs && !header.signed)
    throw new VeilError("BAD_RECORD", "the client's records must be signed");
  return header.kid;
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

function refuse({ services, session, alias, payload }: Job, error: unknown): MqttFarewell {
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
  const identity = isOfRecord ? peekIdentity(payload) : null;
  const ack: AckMessage = identity
    ? { ...refusal, kid: identity.kid.toString("base64url"), seq: identity.seq.toString() }
    : refusal;
  return { reason, message: { topic: ACK_TOPIC, payload: encodeAck(ack) } };
}

/** The session or the bridge ended: nothing went wrong with this record. */
function isFarewell(error: VeilError | undefined): boolean {
  return isVeilError(error, "DISCONNECTED") || isVeilError(error, "STOPPED");
}
