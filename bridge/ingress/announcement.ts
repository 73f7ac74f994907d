/**
 * `v1/key/<alias>`: a device's data key, announced (PROTOCOL.md §3, "Key announcement").
 * Its PUBACK means that the registry has it with acks=all.
 */
import { isVeilError, VeilError } from "../../core/errors.ts";
import type { MqttVerdict } from "../../core/ports/mqtt/server-types.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { decodeAnnouncement, kidOf, verifyAnnouncement } from "../../core/wire/announcement.ts";
import { ACK_TOPIC, encodeAck } from "../../core/wire/mqtt.ts";
import { epochOfRecords } from "../directory/epochs.ts";
import type { Client, Tenant } from "../directory/types.ts";
import { retryUntilEnd } from "./retry.ts";
import { type IngressServices, noteRefusal, refusalCodeOf } from "./services.ts";
import type { Alias, Session } from "./session.ts";

/** Registers an announcement, waiting for Kafka as long as the device does. */
export async function announce(
  services: IngressServices,
  session: Session,
  alias: Alias,
  payload: Buffer,
): Promise<MqttVerdict> {
  try {
    await registerKey(services, session, alias, payload);
    return "ack";
  } catch (error) {
    session.break();
    const code = isVeilError(error) && !error.retryable ? refusalCodeOf(error) : undefined;
    if (!code || !isVeilError(error)) {
      if (!session.hasEnded)
        services.log.error({ err: error, tenant: session.login.tenant }, "an announcement failed");
      return { reason: "an announcement was not registered" };
    }
    const reason = error.message;
    noteRefusal(services, { login: session.login, what: "key", code, reason });
    // Of the alias, since no record of this key can follow: the topic waits, the others go on.
    const ack = { alias: alias.number, status: "refused", code, message: reason } as const;
    return { reason, message: { topic: ACK_TOPIC, payload: encodeAck(ack) } };
  }
}

async function registerKey(
  services: IngressServices,
  session: Session,
  alias: Alias,
  payload: Buffer,
): Promise<void> {
  const { directory, matching, registry, rekeys } = services;
  const { login } = session;
  const tenant = directory.tenant(login.tenant);
  const client = directory.client(login);
  if (!tenant || !client) throw new VeilError("REVOKED", "the client is not enrolled any more");
  const { cert } = client;
  if (!cert || !directory.allows(client, "pub", alias.tag, services.nowMs()))
    throw new VeilError("NO_GRANT", "the client may not publish to this topic");
  const { epoch, wrapped, kid } = judge(payload, { tenant, client, nowMs: services.nowMs() });
  await retryUntilEnd(session, () => matching.checkWrapped({ tenant, client, epoch, wrapped }));
  const producerId = login.client;
  const renewed = rekeys.beginAnnouncement(login, alias.hexTag);
  const { isNew } = await retryUntilEnd(session, () =>
    registry.register(
      { tenant: login.tenant, tag: alias.tag, kid, producerId },
      { producerId, announcement: payload, cert },
    ),
  );
  if (isNew) renewed();
  alias.kids.add(kid);
}

/** What can be judged at once. Throws BAD_RECORD, EPOCH. */
function judge(
  payload: Buffer,
  { tenant, client, nowMs }: { tenant: Tenant; client: Client; nowMs: number },
): { epoch: number; wrapped: Buffer; kid: Buffer } {
  const announcement = decodeAnnouncement(payload);
  if (announcement.producerId !== client.login.client)
    throw new VeilError("BAD_RECORD", "the announcement names another producer");
  const { parameters } = epochOfRecords(tenant, announcement.epoch, nowMs);
  if (SUITE[parameters.suite] !== announcement.suite)
    throw new VeilError("EPOCH", "the announcement's suite is not its epoch's");
  if (!verifyAnnouncement(payload, client.signingKey))
    throw new VeilError("BAD_RECORD", "the announcement's signature is not the client's");
  return { epoch: announcement.epoch, wrapped: announcement.wrapped, kid: kidOf(announcement) };
}
