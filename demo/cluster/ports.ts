/** Free TCP ports on loopback for servers that cannot listen on port 0. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { VeilError } from "../../core/errors.ts";

// Below Linux's ephemeral range (32768 and up): there, while a server is down, an outgoing connection may be given
// its port, or a client that keeps reconnecting to it may be connected to itself.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const MAX_TRIES = 200;

/** `count` different ports that nobody listened on a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  for (let tries = 0; tries < MAX_TRIES && ports.size < count; tries++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) throw new VeilError("UNAVAILABLE", "no free TCP ports on loopback");
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
