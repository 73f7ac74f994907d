/** Entry of the worker thread that computes for a device: with suite `rsa` 2 to 15 ms each, on a Pi ten times that. */
import { randomBytes } from "node:crypto";
import { serveWorker } from "../../../core/runtime/workers.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import type { ClientRole } from "../../../core/scheme/suite.ts";
import {
  type encodeEpoch,
  type encodeHalves,
  epochSchema,
  halvesSchema,
} from "../../../core/wire/parameters.ts";

export interface SchemeTask {
  readonly tenant: string;
  /** As in a credential: bytes as text, since a Buffer does not cross between threads as one. */
  readonly epoch: ReturnType<typeof encodeEpoch>;
  readonly halves: ReturnType<typeof encodeHalves>;
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

function roleOf(task: SchemeTask): ClientRole {
  const known = roles.get(task.epoch.epoch);
  if (known) return known;
  const { epoch, parameters } = epochSchema.parse(task.epoch);
  const { halves } = halvesSchema.parse(task.halves);
  const role = clientRole({ realm: { tenant: task.tenant, epoch }, parameters, halves });
  roles.set(epoch, role);
  return role;
}
