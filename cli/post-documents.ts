/** Bundles of documents on their way to a bridge: `POST /v1/import` (PROTOCOL.md §6). */
import { isVeilError, VeilError } from "../core/errors.ts";
import { HttpClient } from "../core/ports/http/client.ts";
import { readGivenFile } from "../core/runtime/files.ts";
import { bundleSchema } from "../core/wire/directory.ts";
import { parseJson } from "../core/wire/fields.ts";
import { type ImportResponse, importResponseSchema } from "../core/wire/http.ts";

const IMPORT_PATH = "/v1/import";
/** A bridge answers when ZooKeeper and Kafka have every document: a large bundle takes its time. */
const IMPORT_DEADLINE_MS = 5 * 60_000;

export interface BridgeTarget {
  /** `https://host:port`, or `http://` on loopback. */
  readonly url: string;
  /** A PEM file with the bridge's authority; without it, those that Node.js trusts. */
  readonly caFile?: string | undefined;
}

/** What the bridge said to one bundle. */
export interface PostedBundle extends ImportResponse {
  readonly file: string;
}

/**
 * Posts the files in their order and reports each. Throws at the first that is no bundle or that the bridge refuses:
 * those before it are in force. The signatures in the documents are the authority, so there is no login.
 */
export async function* postBundles(
  { url, caFile }: BridgeTarget,
  files: readonly string[],
): AsyncGenerator<PostedBundle> {
  const ca = caFile === undefined ? undefined : (await readGivenFile(caFile)).toString("utf8");
  const http = new HttpClient({ baseUrl: url, ca, deadlineMs: IMPORT_DEADLINE_MS });
  try {
    for (const file of files) {
      const bundle = await readBundle(file);
      const answer = await http.post(IMPORT_PATH, bundle, importResponseSchema).catch((cause) => {
        throw withFile(file, cause);
      });
      yield { file, ...answer };
    }
  } finally {
    await http.stop();
  }
}

/** The file as it is, once it is known to be a bundle: what a bridge would refuse is not sent. */
async function readBundle(file: string): Promise<unknown> {
  const bytes = await readGivenFile(file);
  try {
    parseJson(bytes, bundleSchema, "BAD_DOCUMENT");
  } catch (cause) {
    throw withFile(file, cause);
  }
  return JSON.parse(bytes.toString("utf8"));
}

function withFile(file: string, cause: unknown): unknown {
  if (!isVeilError(cause)) return cause;
  const later = `the file is complete; later: veilmq bridge import ${file} --bridge URL`;
  const hint = cause.hint ?? (cause.retryable ? later : undefined);
  return new VeilError(cause.code, `${file}: ${cause.message}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
