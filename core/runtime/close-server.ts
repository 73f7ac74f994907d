import { once } from "node:events";
import type { Server } from "node:http";

/** Ends an HTTP server, with what is being answered. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
