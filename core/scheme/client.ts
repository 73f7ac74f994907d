/** Client-side entry of the scheme: the suite of an epoch's parameters decides (PROTOCOL.md §2). */
import { hmacClient } from "./hmac/client.ts";
import { p256Client } from "./p256/client.ts";
import { pkiClient } from "./pki/client.ts";
import { rsaClient } from "./rsa/client.ts";
import type { ClientInput, ClientRole } from "./suite.ts";

/**
 * What a device or a consumer computes with its own halves. With `rsa` token, wrap and unwrap block for 2
 * to 15 ms each, and the first use of a modulus takes up to 22 ms more; with `p256` for 0.1 to
 * 0.3 ms, with the others for a hundredth of that.
 * Throws BAD_ARGUMENT for parameters or halves that the suite does not allow.
 */
export function clientRole(input: ClientInput): ClientRole {
  const { parameters } = input;
  switch (parameters.suite) {
    case "rsa":
      return rsaClient({ ...input, parameters });
    case "p256":
      return p256Client({ ...input, parameters });
    case "hmac":
      return hmacClient({ ...input, parameters });
    case "pki":
      return pkiClient({ ...input, parameters });
  }
}
