/** Server addresses, as they stand in a configuration. */
import { VeilError } from "../../errors.ts";

export interface Server {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):(\d{1,5})$/;
const MAX_PORT = 65_535;

/**
 * Parses `host:port`. Throws CONFIG for anything else: the library splits at every colon and would try to
 * reach the first group of an IPv6 literal, and it would take a path after the port for a root of its own.
 */
export function parseServer(address: string): Server {
  const [, host, digits] = ADDRESS.exec(address) ?? [];
  const port = Number(digits);
  if (host !== undefined && port >= 1 && port <= MAX_PORT) return { host, port };
  const ipv6 = address.includes("[") || address.split(":").length > 2;
  throw new VeilError(
    "CONFIG",
    ipv6
      ? `ZooKeeper server "${address}": IPv6 literals are not supported`
      : `ZooKeeper server "${address}" is not host:port`,
    { hint: ipv6 ? "use a host name that resolves to the address" : "for example zk1:2181" },
  );
}

/** Parses a list of `host:port`. Throws CONFIG where it is empty or one of them is not. */
export function parseServers(addresses: readonly string[]): Server[] {
  if (addresses.length === 0) throw new VeilError("CONFIG", "no ZooKeeper server is configured");
  return addresses.map(parseServer);
}
