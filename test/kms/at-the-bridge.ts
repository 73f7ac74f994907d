/** What a bridge makes of the owner's bundles, by the bridge's own code; and both sides of a client, ready to compute. */
import { readFile } from "node:fs/promises";
import { Clients } from "../../bridge/directory/clients.ts";
import { type OpenedDocument, openClientDocument } from "../../bridge/directory/documents.ts";
import type { Client } from "../../bridge/directory/types.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { type Master, ownerTag } from "../../core/scheme/owner.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { type Halves, SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { type Credential, decodeCredential, newestEpoch } from "../../core/wire/credential.ts";
import { parseDocumentPath } from "../../core/wire/directory.ts";
import { importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import type { ProxyHalves } from "../../core/wire/parameters.ts";
import type { Tenant } from "../../kms/tenant.ts";
import { readBundle, TENANT } from "./fixture.ts";

export const REALM = { tenant: TENANT, epoch: 1 };

/** The documents of clients in a bundle, each verified and opened. */
export async function openBundle({ master }: Tenant, bundle: string): Promise<OpenedDocument[]> {
  const keys = {
    kmsPublicKey: importPublicKey(master.kmsPublicKey),
    bridgeKey: master.bridgeKey,
  };
  const documents = [...(await readBundle(bundle))];
  return documents.flatMap(([path, document]) => {
    const place = parseDocumentPath(path);
    if (place.kind === "head" || place.kind === "mail") return [];
    return openClientDocument({ path, place, document, ...keys });
  });
}

/** The clients of a bridge that has imported `bundles`, in their order. */
export async function bridgeWith(tenant: Tenant, ...bundles: string[]): Promise<Clients> {
  const clients = new Clients(TENANT);
  for (const bundle of bundles)
    for (const opened of await openBundle(tenant, bundle)) clients.apply(opened);
  return clients;
}

export async function readCredential(path: string): Promise<Credential> {
  return decodeCredential(await readFile(path));
}

/** The tag of a topic, as the owner computes it. */
export function tagFor({ master }: Tenant, topic: string): Buffer {
  return ownerTag({ master: firstMaster({ master }), realm: REALM, topic });
}

export function firstMaster({ master }: Pick<Tenant, "master">): Master {
  const [first] = master.epochs;
  if (!first) throw new Error("the tenant has no epoch");
  return first.master;
}

/** Whether the secret in the credential is the one that the bridge expects. */
export function mayLogIn({ secret }: Credential, client: Client): boolean {
  return client.authHash.equals(sha256(secret));
}

/** The operations that a client has on a topic, by the way of its own token: `[]` where it has none. */
export function operationsOf(credential: Credential, client: Client, topic: string): string[] {
  const reached = tagReached(credential, client, { topic, asConsumer: false });
  return [...(client.grants.get(reached.toString("hex"))?.ops ?? [])];
}

/** The bridge's halves of an epoch in its grace window. */
export function wholeHalves({ tag, record }: ProxyHalves = {}): Halves {
  if (!tag) throw new Error("the bridge has no tag half of the client");
  return record ? { tag, record } : { tag };
}

/** Where a client's token ends, through the bridge's half. */
export function tagReached(
  credential: Credential,
  client: Client,
  { topic, asConsumer }: { topic: string; asConsumer: boolean },
): Buffer {
  const { parameters, halves } = newestEpoch(credential);
  const proxyHalves = wholeHalves(client.halves.get(REALM.epoch));
  const id = credential.client;
  const signingKey = importSigningKey(credential.signingKey);
  const own = asConsumer ? { consumer: { id, signingKey } } : {};
  const theirs = asConsumer ? { consumer: { id, publicKey: client.signingKey } } : {};
  const role = clientRole({ realm: REALM, parameters, halves, ...own });
  const proxy = proxyRole({ realm: REALM, parameters, halves: proxyHalves, ...theirs });
  return tagOf(SUITE[parameters.suite], REALM, proxy.transform(role.token(topic)));
}

/** What a consumer makes of a key that a producer wrapped, through the bridge's half. */
export function unwrapThrough(credential: Credential, client: Client, wrapped: Buffer): Buffer {
  const { parameters, halves } = newestEpoch(credential);
  const proxyHalves = client.halves.get(REALM.epoch);
  if (!proxyHalves) throw new Error("the bridge has no halves of the client");
  const released = releaseRole({ realm: REALM, parameters, halves: proxyHalves }).release(wrapped);
  return clientRole({ realm: REALM, parameters, halves }).unwrap(released);
}
