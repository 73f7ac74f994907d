/** Entry of the worker thread that computes for a consumer: with suite `rsa` some milliseconds each. */
import { serveWorker } from "../../core/runtime/workers.ts";
import { clientRole } from "../../core/scheme/client.ts";
import type { ClientRole } from "../../core/scheme/suite.ts";
import { importSigningKey } from "../../core/wire/keys.ts";
import {
  type encodeEpoch,
  type encodeHalves,
  epochSchema,
  halvesSchema,
} from "../../core/wire/parameters.ts";

export interface SchemeTask {
  readonly tenant: string;
  /** The consumer's own id. */
  readonly client: string;
  /** Ed25519 seed, which signs trapdoors where the suite wants that. */
  readonly signingKey: Uint8Array;
  /** As in a credential: bytes as text, since a Buffer does not cross between threads as one. */
  readonly epoch: ReturnType<typeof encodeEpoch>;
  readonly halves: ReturnType<typeof encodeHalves>;
  /** The trapdoor of a topic, or UDec of a released value. */
  readonly work: { readonly topic: string } | { readonly released: Uint8Array };
}

// Making a role costs more than using it: one is kept for each epoch.
const roles = new Map<string, ClientRole>();

serveWorker((task: SchemeTask): Uint8Array => {
  const role = roleOf(task);
  return "topic" in task.work ? role.token(task.work.topic) : role.unwrap(task.work.released);
});

function roleOf(task: SchemeTask): ClientRole {
  const key = `${task.tenant}/${task.epoch.epoch}`;
  const known = roles.get(key);
  if (known) return known;
  const { epoch, parameters } = epochSchema.parse(task.epoch);
  const { halves } = halvesSchema.parse(task.halves);
  const consumer = { id: task.client, signingKey: importSigningKey(task.signingKey) };
  const role = clientRole({ realm: { tenant: task.tenant, epoch }, parameters, halves, consumer });
  roles.set(key, role);
  return role;
}
