/** Who stands behind an address, for limits: whoever has one address of IPv6 has 2^64 of them. */
import { isIPv4, isIPv6 } from "node:net";

/** Groups of 16 bits: 64 bits. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;
const MAPPED = /^::ffff:([\d.]+)$/i;

/** IPv4 as it is, IPv4 within IPv6 as IPv4, any other IPv6 as its /64; what is neither as it is. */
export function networkOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(address)) return address;
  const [plain = ""] = address.split("%");
  const [before = "", after] = plain.split("::");
  const head = groupsOf(before);
  const tail = groupsOf(after ?? "");
  const zeros = Array<string>(Math.max(0, GROUPS - head.length - tail.length)).fill("0");
  const groups = after === undefined ? head : [...head, ...zeros, ...tail];
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16));
  return `${network.map((group) => group.toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
