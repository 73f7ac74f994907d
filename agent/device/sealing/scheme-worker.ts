/** Entry of the worker thread that does a device's exponentiations: 2 to 15 ms each, on a Pi ten times that. */
import { randomBytes } from "node:crypto";
import { serveWorker } from "../../../core/runtime/workers.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import type { Realm } from "../../../core/scheme/context.ts";
import type { ClientRole, Halves, PublicParameters } from "../../../core/scheme/suite.ts";

export interface SchemeTask {
  readonly realm: Realm;
  readonly parameters: PublicParameters;
  readonly halves: Halves;
  /** UEnc of a topic, or a fresh data key. */
  readonly work: { readonly topic: string } | "wrap";
}

/** What a token's bytes or a data key look like when they have crossed between threads. */
export interface SchemeAnswer {
  readonly token?: Uint8Array;
  readonly ikm?: Uint8Array;
  readonly wrapped?: Uint8Array;
}

// Making a role costs more than using it: one is kept for each epoch.
const roles = new Map<number, ClientRole>();

serveWorker((task: SchemeTask): SchemeAnswer => {
  const role = roleOf(task);
  return task.work === "wrap" ? role.wrap(randomBytes) : { token: role.token(task.work.topic) };
});

function roleOf({ realm, parameters, halves }: SchemeTask): ClientRole {
  const known = roles.get(realm.epoch);
  if (known) return known;
  const role = clientRole({
    realm,
    parameters: {
      ...parameters,
      nTag: Buffer.from(parameters.nTag),
      nRec: Buffer.from(parameters.nRec),
    },
    halves: { tag: Buffer.from(halves.tag) },
  });
  roles.set(realm.epoch, role);
  return role;
}
