/**
 * `v1/reg/<alias>`: from a token to an accepted alias (PROTOCOL.md §5).
 *
 *   token → tag (PEnc) → grant → Kafka topic → {alias, "ok"} | {alias, "refused", code}
 *
 * Its PUBACK means "read" only. Where Kafka cannot make the topic now there is no answer: the device asks again.
 */
import { isVeilError, type RefusalCode, VeilError } from "../../core/errors.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { kafkaTopicOf } from "../../core/scheme/tag.ts";
import { decodeRegistration, type Registration } from "../../core/wire/mqtt.ts";
import { messageKey, partitionOf } from "../../core/wire/store.ts";
import { isOfTags } from "../directory/epochs.ts";
import type { Client, Tenant } from "../directory/types.ts";
import { AnnouncedKids } from "./announced-kids.ts";
import { type IngressServices, noteRefusal, refusalCodeOf } from "./services.ts";
import type { Alias, Session } from "./session.ts";

/** Judges a registration and pushes the answer. Never throws. */
export async function register(
  services: IngressServices,
  session: Session,
  number: number,
  payload: Buffer,
): Promise<void> {
  const request = sha256(payload).toString("base64");
  const known = session.alias(number);
  const earlier = session.requestOf(number);
  if (earlier !== undefined && earlier !== request) {
    const reason = "an alias was registered for two topics";
    noteRefusal(services, { login: session.login, what: "reg", code: "BAD_TOKEN", reason });
    session.connection.close(reason);
  } else if (known) session.push({ alias: number, status: "ok" });
  else if (earlier === undefined) {
    session.beginRegistering(number, request);
    await judge(services, session, { number, request, payload });
    session.endRegistering(number);
  }
}

interface Asked {
  readonly number: number;
  readonly request: string;
  readonly payload: Buffer;
}

async function judge(services: IngressServices, session: Session, asked: Asked): Promise<void> {
  try {
    const alias = await accept(services, session, asked);
    if (session.isBroken) return;
    session.accept(alias);
    session.push({ alias: alias.number, status: "ok" });
    if (services.rekeys.owes(session.login, alias.hexTag))
      session.push({ alias: alias.number, status: "rekey" });
  } catch (error) {
    if (!session.isBroken) refuse(services, session, asked.number, error);
  }
}

async function accept(
  services: IngressServices,
  session: Session,
  { number, request, payload }: Asked,
): Promise<Alias> {
  const { login } = session;
  services.limits.checkAliases(login.tenant, login.client, session.aliasCount);
  const registration = decodeRegistration(payload);
  const tag = await match(services, session, registration);
  // Again: the documents may have changed while the tag was computed.
  const { tenant, client } = documentsOf(services, session);
  const hexTag = tag.toString("hex");
  const grant = client.grants.get(hexTag);
  if (!grant || !services.directory.allows(client, "pub", tag, services.nowMs()))
    throw new VeilError("NO_GRANT", "the client may not publish to this topic");
  if (!client.cert)
    throw new VeilError("NO_GRANT", "the client's certificate has not been imported");
  const name = kafkaTopicOf(tag);
  const { epoch } = registration;
  services.limits.quotas.useTopic(
    login,
    { topic: name, epoch },
    (older) => !isOfTags(tenant, older, services.nowMs()),
  );
  const topic = await services.topics.ensure(name, tenant.kafka);
  const key = messageKey(tenant.bridgeKey, login.client, tag);
  const { partitions } = tenant.kafka;
  // Each by its name: what begins with a spread gets a hidden class of its own, half a kilobyte for each alias. First what every
  // record asks for: together it is in one line of the processor's cache.
  return {
    number,
    precedent: undefined,
    topic,
    partition: partitionOf(key, partitions),
    key,
    request,
    epoch,
    tag,
    hexTag,
    partitions,
    expMs: grant.exp,
    kids: new AnnouncedKids(),
  };
}

async function match(
  services: IngressServices,
  session: Session,
  { epoch, token }: Registration,
): Promise<Buffer> {
  const documents = documentsOf(services, session);
  // Nothing can be granted to who has no grants: no reason to compute.
  if (documents.client.grants.size === 0)
    throw new VeilError("NO_GRANT", "the client may not publish to this topic");
  return services.matching.match({ ...documents, operation: "pub", epoch, token });
}

/** Throws REVOKED where the client went away while it was connected. */
function documentsOf(
  { directory }: IngressServices,
  { login }: Session,
): { tenant: Tenant; client: Client } {
  const tenant = directory.tenant(login.tenant);
  const client = directory.client(login);
  if (!tenant || client?.status !== "active")
    throw new VeilError("REVOKED", "the client is revoked");
  return { tenant, client };
}

function refuse(services: IngressServices, session: Session, alias: number, error: unknown): void {
  const code = toldCode(error);
  if (!code) {
    services.log.error({ err: error, tenant: session.login.tenant }, "a registration failed");
    return;
  }
  const reason = error instanceof Error ? error.message : "refused";
  noteRefusal(services, { login: session.login, what: "reg", code, reason });
  session.push({ alias, status: "refused", code, message: reason });
}

/** `undefined`: no answer, the device asks again in 10 s. CONFIG is for the operator to mend: in 5 minutes. */
function toldCode(error: unknown): RefusalCode | undefined {
  if (!isVeilError(error)) return undefined;
  return error.code === "CONFIG" ? "LIMIT" : refusalCodeOf(error);
}
