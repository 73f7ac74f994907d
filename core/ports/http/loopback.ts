/** Which hosts never leave this machine: the only ones for which plaintext is allowed unasked. */
import { isIPv4 } from "node:net";

/** Whether `hostname`, as `URL` gives it, is `localhost`, in 127.0.0.0/8, or `[::1]`. */
export function isLoopback(hostname: string): boolean {
  if (hostname === "localhost" || hostname === "[::1]") return true;
  return isIPv4(hostname) && hostname.startsWith("127.");
}
