/** Entry of the worker thread that parses large bundles: 29 MiB take a third of a second, before anybody is known to have signed. */
import { VeilError } from "../../core/errors.ts";
import { yieldToOtherThreads } from "../../core/runtime/thread-priority.ts";
import { serveWorker } from "../../core/runtime/workers.ts";
import { bundleSchema } from "../../core/wire/directory.ts";
import { parseJson } from "../../core/wire/fields.ts";
import { type BundleParts, takeApart } from "./bundle-parts.ts";

yieldToOtherThreads();
serveWorker((body: Uint8Array): BundleParts => {
  const parts = takeApart(parseJson(body, bundleSchema, "BAD_DOCUMENT"));
  if (!parts) throw new VeilError("BAD_DOCUMENT", "a path is none");
  return parts;
});
