/** The import side of a bridge: counts what it is sent. What it answers to documents is the bridge's own tests' matter. */
import { once } from "node:events";
import { createServer } from "node:https";
import { resolve } from "node:path";
import { onTestFinished } from "vitest";
import { bundleSchema } from "../../core/wire/directory.ts";
import { CA_FILE, testCertificate } from "../support/certificate/certificate.ts";

export interface ImportServer {
  readonly url: string;
  readonly caFile: string;
  /** The paths of each bundle's documents. */
  readonly received: string[][];
}

/** Answers bundles with all new, or with `refusal`. */
export async function importServer(refusal?: {
  status: number;
  body: string;
}): Promise<ImportServer> {
  const received: string[][] = [];
  const server = createServer(await testCertificate(), async (request, response) => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    if (refusal) response.writeHead(refusal.status).end(refusal.body);
    else if (request.method !== "POST" || request.url !== "/v1/import")
      response.writeHead(404).end();
    else {
      const { documents } = bundleSchema.parse(JSON.parse(body));
      received.push(documents.map(({ path }) => path));
      response.end(JSON.stringify({ accepted: documents.length, unchanged: 0 }));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { url: `https://127.0.0.1:${address.port}`, caFile: resolve(CA_FILE), received };
}
