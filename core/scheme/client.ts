/** Client-side entry of the scheme: the suite of an epoch's parameters decides (PROTOCOL.md §2). */
import { rsaClient } from "./rsa/client.ts";
import type { ClientRole, RoleInput } from "./suite.ts";

/**
 * What a device or a consumer computes with its own halves. The first use of a modulus takes up to
 * 22 ms more; token, wrap and unwrap block for 2 to 15 ms each.
 * Throws BAD_ARGUMENT for parameters or halves that the suite does not allow.
 */
export function clientRole(input: RoleInput): ClientRole {
  return rsaClient(input);
}
