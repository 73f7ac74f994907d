/** Entry of the worker threads that make clients' documents after a rotation: with `rsa` some 40 ms each. */
import { serveWorker } from "../core/runtime/workers.ts";
import {
  decodeClientRecord,
  type EncodedClientRecord,
  encodeClientRecord,
} from "./client-record.ts";
import { issuerFrom } from "./issuer.ts";
import { reissue } from "./reissue.ts";

export interface ReissueTask {
  /** The master file's content: the same text in all tasks of one rotation. */
  readonly master: string;
  readonly previous: EncodedClientRecord;
  readonly serial: number;
  readonly again: boolean;
}

export interface ReissueAnswer {
  readonly record: EncodedClientRecord;
  readonly documents: readonly { readonly path: string; readonly document: Uint8Array }[];
}

serveWorker(async ({ master, previous, ...rest }: ReissueTask): Promise<ReissueAnswer> => {
  const order = { ...rest, previous: decodeClientRecord(previous) };
  const { record, documents } = await reissue(issuerFrom(master), order);
  return { record: encodeClientRecord(record), documents };
});
