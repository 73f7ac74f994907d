/** Proxy-side entry of the scheme: the suite of an epoch's parameters decides (PROTOCOL.md §2). */
import type { ModulusOptions } from "./rsa/modulus.ts";
import { checkRsaWrapped, rsaProxy, rsaRelease } from "./rsa/proxy.ts";
import type { ProxyRole, PublicParameters, ReleaseRole, RoleInput } from "./suite.ts";

/**
 * PEnc for one client: each `transform` blocks its thread for 2 to 15 ms, hence the bridge's worker
 * threads; `checkToken` for about 0.5 ms. Throws BAD_ARGUMENT for parameters or halves that the
 * suite does not allow.
 */
export function proxyRole(input: RoleInput): ProxyRole {
  return rsaProxy(input);
}

/** PDec for one consumer. Throws BAD_ARGUMENT as {@link proxyRole}, and without `halves.record`. */
export function releaseRole(input: RoleInput): ReleaseRole {
  return rsaRelease(input);
}

/**
 * *Check* of an announcement's W under the record parameters, about 0.5 ms: throws BAD_RECORD for
 * one that is no element (PROTOCOL.md §3, "Key announcement").
 */
export function checkWrapped(
  parameters: PublicParameters,
  wrapped: Uint8Array,
  options: ModulusOptions = {},
): void {
  checkRsaWrapped(parameters, wrapped, options);
}
