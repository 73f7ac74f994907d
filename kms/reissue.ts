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
  /** The enrolment, the grants, and the mail. */
  readonly documents: readonly PlacedDocument[];
}

/** Halves that the record has already stay: a client never gets a second pair of one epoch by this way. */
export async function reissue(
  issuer: Issuer,
  { previous, serial }: { readonly previous: ClientRecord; readonly serial: number },
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
  return { record, documents: [...documents, await mailDocument(issuer, record)] };
}
