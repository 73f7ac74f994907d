/**
 * Record files of the suites whose roles can be held to a recorded r (PROTOCOL.md §2.3, §2.4), `suite` said in the file:
 *
 *   `p256`   x, X, x_j1, x_j2; r, W, V, S: the IKM is S
 *   `hmac`   K_c; r, W, V: the IKM is r
 *   `pki`    K_org; r, W, V: the IKM is r
 */
import { VeilError } from "../../errors.ts";
import { i2osp } from "../bytes.ts";
import { clientRole } from "../client.ts";
import type { Realm } from "../context.ts";
import { acceptScalar, P256_BYTES } from "../p256/curve.ts";
import { releaseRole } from "../proxy.ts";
import type { ClientRole, RandomBytes, ReleaseRole } from "../suite.ts";
import { type Comparisons, compareBytes } from "./comparison.ts";
import type { Fields } from "./fields.ts";
import { compareScalars, scalar } from "./p256.ts";
import type { RecordWrapping } from "./record-wrapping.ts";

/** Both ends of a release. */
interface Roles {
  client(): ClientRole;
  release(): ReleaseRole;
}

/** The wrapping by the roles. Throws BAD_ARGUMENT for a missing field. */
export function rolesWrapping(
  one: Fields,
  { suite, realm }: { suite: "p256" | "hmac" | "pki"; realm: Realm },
): RecordWrapping {
  const roles = suite === "p256" ? p256Roles(one, realm) : symmetricRoles(one, { suite, realm });
  const secret = suite === "p256" ? "S" : "r";
  const [r, wrapped, released] = [field(one, "r"), field(one, "W"), field(one, "V")];
  const wrap = (): ReturnType<ClientRole["wrap"]> => roles.client().wrap(recorded(r));
  return {
    suite,
    *comparisons() {
      if (suite === "p256") yield* compareKeys(one);
      yield* compareBytes(one, "W", () => wrap().wrapped);
      yield* compareBytes(one, secret, () => wrap().ikm);
      yield* compareBytes(one, "V", () => roles.release().release(wrapped));
      yield* compareBytes(one, secret, () => roles.client().unwrap(released));
    },
    ikm: () => wrap().ikm,
  };
}

function* compareKeys(one: Fields): Comparisons {
  yield* compareScalars(one, { product: "x", halves: ["x_j1", "x_j2"] });
  const x = scalar(one, "x");
  yield* compareBytes(one, "X", () => acceptScalar(x).timesGenerator());
}

function p256Roles(one: Fields, realm: Realm): Roles {
  const parameters = { suite: "p256", xRec: field(one, "X") } as const;
  // Records need no tag half, and a role wants one.
  const tag = i2osp(1, P256_BYTES);
  const [x1, x2] = [scalar(one, "x_j1"), scalar(one, "x_j2")];
  return {
    client: () => clientRole({ realm, parameters, halves: { tag, record: x1 } }),
    release: () => releaseRole({ realm, parameters, halves: { tag, record: x2 } }),
  };
}

function symmetricRoles(
  one: Fields,
  { suite, realm }: { suite: "hmac" | "pki"; realm: Realm },
): Roles {
  const key = field(one, suite === "hmac" ? "K_c" : "K_org");
  const input = { realm, parameters: { suite } };
  return {
    client: () => clientRole({ ...input, halves: { tag: key, record: key } }),
    // The bridge has K_s, which records do not need, and of their keys nothing.
    release: () => releaseRole({ ...input, halves: { tag: key, record: Buffer.alloc(0) } }),
  };
}

/** Random bytes that were recorded: once, and in that length only. Throws BAD_ARGUMENT otherwise. */
function recorded(r: Buffer): RandomBytes {
  let drawn = false;
  return (length) => {
    if (drawn || length !== r.length)
      throw new VeilError("BAD_ARGUMENT", "r of the vector file is no r of this suite");
    drawn = true;
    return r;
  };
}

function field(one: Fields, name: string): Buffer {
  return one.require(one.hexBytes(name), name);
}
