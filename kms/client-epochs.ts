/** A client's side of the epochs that it has halves of: what credentials and mail carry. */
import { clientHalvesOf } from "../core/scheme/owner.ts";
import type { Mail } from "../core/wire/mail.ts";
import { sealMail } from "../core/wire/mail.ts";
import type { EpochHalves, EpochInForce } from "../core/wire/parameters.ts";
import type { ClientRecord } from "./client-record.ts";
import { epochsOf, type PlacedDocument } from "./documents.ts";
import type { Issuer } from "./tenant.ts";

export interface ClientEpochs {
  readonly epochs: EpochInForce[];
  /** One entry for each of them. */
  readonly halves: EpochHalves[];
}

/** Computed from the bridge's side: the owner keeps that alone. With `rsa` about 5 ms a half. */
export function clientEpochs(
  issuer: Issuer,
  { proxyHalves }: Pick<ClientRecord, "proxyHalves">,
): ClientEpochs {
  const proxy = new Map(proxyHalves.map(({ epoch, halves }) => [epoch, halves]));
  const halves = issuer.master.epochs.flatMap(({ epoch, master }): EpochHalves[] => {
    const own = proxy.get(epoch);
    return own ? [{ epoch, halves: clientHalvesOf({ master, proxy: own }) }] : [];
  });
  return { epochs: epochsOf(issuer).filter(({ epoch }) => proxy.has(epoch)), halves };
}

/** The mail that tells a client of its epochs, under the serial of its newest documents. */
export async function mailDocument(issuer: Issuer, record: ClientRecord): Promise<PlacedDocument> {
  const mail: Mail = {
    veilmq: "mail",
    version: 1,
    tenant: issuer.name,
    client: record.client,
    serial: record.serial,
    ...clientEpochs(issuer, record),
  };
  return await sealMail(mail, { recipient: record.ageRecipient, kmsKey: issuer.signingKey });
}
