/** Entry of the worker threads that make clients for `enrol --csv`: with `rsa` 4 ms each, and 3 more for every topic. */
import { serveWorker } from "../core/runtime/workers.ts";
import { decodeClientRecord, encodeClientRecord } from "./client-record.ts";
import { clientDocuments } from "./documents.ts";
import { issue } from "./issue.ts";
import type { IssueAnswer, IssueTask } from "./issue-task.ts";
import { issuerFrom } from "./issuer.ts";

serveWorker(({ master, previous, ...order }: IssueTask): IssueAnswer => {
  const issuer = issuerFrom(master);
  const before = previous && decodeClientRecord(previous);
  const { record, credential } = issue(issuer, { ...order, previous: before });
  const documents = clientDocuments(issuer, record);
  return { record: encodeClientRecord(record), credential, documents };
});
