/** A client's documents after a change of epochs, without its credential: new halves where an epoch is new to it. */
import { randomBytes } from "node:crypto";
import { splitHalves } from "../core/scheme/owner.ts";
import { mailDocument } from "./client-epochs.ts";
import type { ClientRecord } from "./client-record.ts";
import { grantChunksOf, type PlacedDocument, reissuedDocuments } from "./documents.ts";
import type { Issuer } from "./tenant.ts";
import { countTopics } from "./topic-grants.ts";

export interface Reissued {
  readonly record: ClientRecord;
  /** The enrolment, the grants, and the mail where there is something to tell. */
  readonly documents: readonly PlacedDocument[];
}

export interface Reissue {
  readonly previous: ClientRecord;
  readonly serial: number;
  /** It may not have got what it was told last: that was cut off. */
  readonly again: boolean;
}

/**
 * Halves that the record has already stay: a client never gets a second pair of one epoch by this way. Where it is
 * to hold what it holds already, as when tag halves go from the bridge, it gets no mail.
 */
export async function reissue(
  issuer: Issuer,
  { previous, serial, again }: Reissue,
): Promise<Reissued> {
  const { epochs, epochsSerial } = issuer.master;
  const known = new Map(previous.proxyHalves.map((entry) => [entry.epoch, entry]));
  const consumer = countTopics(previous.topics, "sub") > 0;
  const record: ClientRecord = {
    ...previous,
    serial,
    changedAtMs: Date.now(),
    epochsSerial,
    chunks: grantChunksOf(issuer, previous),
    proxyHalves: epochs.map(
      ({ epoch, master }) =>
        known.get(epoch) ?? {
          epoch,
          halves: splitHalves({ master, random: randomBytes, consumer }).proxy,
        },
    ),
  };
  const grows = epochs.length >= previous.proxyHalves.length;
  const documents = reissuedDocuments(issuer, record, { grows });
  const isTold = epochs.length === known.size && epochs.every(({ epoch }) => known.has(epoch));
  if (!isTold || again) documents.push(await mailDocument(issuer, record));
  return { record, documents };
}
