/** What goes to the worker threads that make clients, and what comes back: plain values, as threads can hand over. */
import type { BridgeAddresses } from "./bridge-settings.ts";
import type { EncodedClientRecord, TopicGrant } from "./client-record.ts";

export interface IssueTask {
  /** The master file's content: the same text in all tasks of one enrolment. */
  readonly master: string;
  readonly client: string;
  readonly serial: number;
  readonly topics: TopicGrant[];
  readonly signs: boolean;
  readonly addresses: BridgeAddresses;
  readonly previous: EncodedClientRecord | null;
  readonly newSigningKey: boolean;
  readonly agePair: { readonly identity: string; readonly recipient: string };
}

export interface IssueAnswer {
  readonly record: EncodedClientRecord;
  /** The credential's file. */
  readonly credential: string;
  readonly documents: readonly { readonly path: string; readonly document: Uint8Array }[];
}
