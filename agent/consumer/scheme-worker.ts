/** Entry of the worker thread that does a consumer's exponentiations (some milliseconds each). */
import { serveWorker } from "../../core/runtime/workers.ts";
import { clientRole } from "../../core/scheme/client.ts";
import type { Realm } from "../../core/scheme/context.ts";
import type { ClientRole, Halves, PublicParameters } from "../../core/scheme/suite.ts";

export interface SchemeTask {
  readonly realm: Realm;
  readonly parameters: PublicParameters;
  readonly halves: Halves;
  /** The trapdoor of a topic, or UDec of a released value. */
  readonly work: { readonly topic: string } | { readonly released: Uint8Array };
}

// Making a role costs more than using it: one is kept for each epoch.
const roles = new Map<string, ClientRole>();

serveWorker((task: SchemeTask): Uint8Array => {
  const role = roleOf(task);
  return "topic" in task.work ? role.token(task.work.topic) : role.unwrap(task.work.released);
});

function roleOf({ realm, parameters, halves }: SchemeTask): ClientRole {
  const key = `${realm.tenant}/${realm.epoch}`;
  const known = roles.get(key);
  if (known) return known;
  const role = clientRole({ realm, parameters: asBuffers(parameters), halves: asBuffers(halves) });
  roles.set(key, role);
  return role;
}

/** Buffers arrive in a worker as plain Uint8Arrays. */
function asBuffers<T extends object>(value: T): T {
  const entries = Object.entries(value).map(([name, field]) => [
    name,
    field instanceof Uint8Array ? Buffer.from(field) : field,
  ]);
  return Object.fromEntries(entries) as T;
}
