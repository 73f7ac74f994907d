/** Where a server listens that is told a name. */
import { lookup } from "node:dns/promises";

/**
 * The one address that `host` stands for: of several, the first of IPv4. Without it Node takes whichever the machine
 * names first, and fastify opens a second server for `localhost`, past every limit of ours. Rejects for a name that
 * has none.
 */
export async function listenAddress(host: string): Promise<string> {
  const { address } = await lookup(host, { verbatim: false });
  return address;
}
