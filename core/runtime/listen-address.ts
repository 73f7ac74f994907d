/** Where a server listens that is told a name, and why it cannot. */
import { lookup } from "node:dns/promises";
import { VeilError } from "../errors.ts";
import { systemCodeOf } from "./why-not.ts";

const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there: stop it, or choose another port",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "no address is known for this name",
  EACCES: "ports below 1024 are for root, unless the system says otherwise",
};

/** CONFIG for a server that cannot listen `where`, with what the system says about it. */
export function cannotListen(where: string, cause: unknown): VeilError {
  const code = systemCodeOf(cause);
  const hint = HINTS[code];
  const reason = code === "" ? "" : ` (${code})`;
  return new VeilError("CONFIG", `cannot listen ${where}${reason}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * The one address that `host` stands for: of several, the first of IPv4. Without it Node takes whichever the machine
 * names first, and fastify opens a second server for `localhost`, past every limit of ours. Rejects for a name that
 * has none.
 */
export async function listenAddress(host: string): Promise<string> {
  const { address } = await lookup(host, { verbatim: false });
  return address;
}
