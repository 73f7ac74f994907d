/** Entry of the worker threads that make clients for `enrol --csv`: with `rsa` 4 ms each, and 3 more for every topic. */
import { serveWorker } from "../core/runtime/workers.ts";
import { importSigningKey } from "../core/wire/keys.ts";
import { decodeClientRecord, encodeClientRecord } from "./client-record.ts";
import { clientDocuments } from "./documents.ts";
import { issue } from "./issue.ts";
import type { IssueAnswer, IssueTask } from "./issue-task.ts";
import { decodeMaster } from "./master-file.ts";
import type { Issuer } from "./tenant.ts";

/** Of the last task: all tasks of one enrolment have the same. */
let known: { readonly text: string; readonly issuer: Issuer } | undefined;

function issuerOf(text: string): Issuer {
  if (known?.text === text) return known.issuer;
  const master = decodeMaster(text);
  const signingKey = importSigningKey(master.signingSeed);
  known = { text, issuer: { name: master.tenant, master, signingKey } };
  return known.issuer;
}

serveWorker(({ master, previous, ...order }: IssueTask): IssueAnswer => {
  const issuer = issuerOf(master);
  const before = previous && decodeClientRecord(previous);
  const { record, credential } = issue(issuer, { ...order, previous: before });
  const documents = clientDocuments(issuer, record);
  return { record: encodeClientRecord(record), credential, documents };
});
