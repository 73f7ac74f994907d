/**
 * What a change of documents means for who is connected (PROTOCOL.md §4, "Revoke"; §5): sessions of a revoked client
 * end, aliases are judged again, and producers of a tag that a consumer lost are told to make a new key.
 */
import type { RefusalCode } from "../../core/errors.ts";
import { isOfTags } from "../directory/epochs.ts";
import type { Client, ClientChange, Tenant } from "../directory/types.ts";
import { type IngressServices, noteRefusal } from "./services.ts";
import type { Alias, Session } from "./session.ts";

/** The client itself: end its session, or judge its aliases again. */
export function reviewClient(
  services: IngressServices,
  session: Session,
  { before, after }: ClientChange,
): void {
  if (after?.status !== "active") {
    const reason = "the client is revoked";
    noteRefusal(services, { login: session.login, what: "connect", code: "REVOKED", reason });
    session.connection.close(reason);
  } else if (before && !before.authHash.equals(after.authHash)) {
    session.connection.close("the client has a new secret");
  } else
    for (const alias of [...session.aliases.values()]) reviewGrant(services, session, alias, after);
}

/** The tenant's head: aliases of an epoch that is over, or of another number of partitions, end. */
export function reviewTenant(services: IngressServices, session: Session, tenant: Tenant): void {
  for (const alias of [...session.aliases.values()]) {
    if (!isOfTags(tenant, alias.epoch, services.nowMs()))
      withdraw(services, session, alias, "EPOCH", "this epoch is not in force any more");
    else if (tenant.kafka.partitions !== alias.partitions)
      withdraw(services, session, alias, "LIMIT", "the tenant's number of partitions was changed");
  }
}

/** A consumer lost these tags: the device makes new keys for those that it publishes under. */
export function reviewProducer(
  { directory, rekeys, nowMs }: IngressServices,
  session: Session,
  lost: ReadonlySet<string>,
): void {
  const client = directory.client(session.login);
  if (!client) return;
  // The same change may have taken the topic from the device itself: it is told that instead.
  for (const { number, tag, hexTag } of session.aliases.values())
    if (
      lost.has(hexTag) &&
      rekeys.owes(session.login, hexTag) &&
      directory.allows(client, "pub", tag, nowMs())
    )
      session.push({ alias: number, status: "rekey" });
}

function reviewGrant(
  services: IngressServices,
  session: Session,
  alias: Alias,
  client: Client,
): void {
  const grant = client.grants.get(alias.hexTag);
  if (grant && services.directory.allows(client, "pub", alias.tag, services.nowMs()))
    alias.expMs = grant.exp;
  else
    withdraw(
      services,
      session,
      alias,
      "NO_GRANT",
      "the client may no longer publish to this topic",
    );
}

/** From now on the alias was never accepted: what the device still sends under it ends the connection. */
function withdraw(
  services: IngressServices,
  session: Session,
  alias: Alias,
  code: RefusalCode,
  reason: string,
): void {
  session.withdraw(alias);
  noteRefusal(services, { login: session.login, what: "reg", code, reason });
  session.push({ alias: alias.number, status: "refused", code, message: reason });
}
