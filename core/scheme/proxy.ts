/** Proxy-side entry of the scheme: the suite of an epoch's parameters decides (PROTOCOL.md §2). */
import { hmacProxy } from "./hmac/proxy.ts";
import { checkP256Wrapped, p256Proxy, p256Release } from "./p256/proxy.ts";
import { pkiProxy } from "./pki/proxy.ts";
import type { ModulusOptions } from "./rsa/modulus.ts";
import { checkRsaWrapped, rsaProxy, rsaRelease } from "./rsa/proxy.ts";
import type {
  ProxyInput,
  ProxyRole,
  PublicParameters,
  ReleaseInput,
  ReleaseRole,
} from "./suite.ts";
import { checkSymmetricWrapped, symmetricRelease } from "./symmetric/proxy.ts";

/**
 * PEnc for one client. With `rsa` each `transform` blocks its thread for 2 to 15 ms, hence the bridge's
 * worker threads, and `checkToken` for about 0.5 ms; with the others for 0.2 ms at most. Throws
 * BAD_ARGUMENT for parameters or halves that the suite does not allow.
 */
export function proxyRole(input: ProxyInput): ProxyRole {
  const { parameters } = input;
  switch (parameters.suite) {
    case "rsa":
      return rsaProxy({ ...input, parameters });
    case "p256":
      return p256Proxy({ ...input, parameters });
    case "hmac":
      return hmacProxy({ ...input, parameters });
    case "pki":
      return pkiProxy({ ...input, parameters });
  }
}

/** PDec for one consumer. Throws BAD_ARGUMENT as {@link proxyRole}, and without `halves.record`. */
export function releaseRole(input: ReleaseInput): ReleaseRole {
  const { parameters } = input;
  switch (parameters.suite) {
    case "rsa":
      return rsaRelease({ ...input, parameters });
    case "p256":
      return p256Release({ ...input, parameters });
    case "hmac":
    case "pki":
      return symmetricRelease(input);
  }
}

/**
 * *Check* of an announcement's W under the record parameters, about 0.5 ms with `rsa`: throws BAD_RECORD
 * for one that is no element (PROTOCOL.md §3, "Key announcement").
 */
export function checkWrapped(
  parameters: PublicParameters,
  wrapped: Uint8Array,
  options: ModulusOptions = {},
): void {
  checkOfWrapped(parameters, options)(wrapped);
}

function checkOfWrapped(
  parameters: PublicParameters,
  options: ModulusOptions,
): (wrapped: Uint8Array) => void {
  switch (parameters.suite) {
    case "rsa":
      return (wrapped) => checkRsaWrapped(parameters, wrapped, options);
    case "p256":
      return checkP256Wrapped;
    case "hmac":
    case "pki":
      return checkSymmetricWrapped;
  }
}
