/** `kms list`: the clients of a tenant. */
import { VeilError } from "../core/errors.ts";
import type { Operation } from "../core/wire/directory.ts";
import { type ClientRecord, readClient } from "./client-record.ts";
import type { Tenant } from "./tenant.ts";

export interface ListedClient {
  readonly client: string;
  readonly status: "active" | "revoked";
  readonly serial: number;
  /** How many topics it may publish, and subscribe to. */
  readonly publish: number;
  readonly subscribe: number;
  readonly signs: boolean;
  readonly changedAtMs: number;
  /** Of its halves. */
  readonly epochs: readonly number[];
  readonly topics: readonly ListedTopic[];
}

export interface ListedTopic {
  readonly name: string;
  readonly ops: readonly Operation[];
  readonly exp: number;
}

/** All clients by name, one at a time: 10,000 of them need not be in memory together. Throws BAD_DOCUMENT. */
export async function* listClients({ state }: Tenant): AsyncGenerator<ListedClient> {
  for (const client of await state.clients()) {
    const record = await readClient(state, client);
    if (!record) throw new VeilError("CONFLICT", "a client's file vanished while it was read");
    yield describe(record);
  }
}

function describe(record: ClientRecord): ListedClient {
  const { client, status, serial, signs, changedAtMs, topics, proxyHalves } = record;
  const count = (operation: Operation): number =>
    topics.filter(({ ops }) => ops.includes(operation)).length;
  return {
    client,
    status,
    serial,
    publish: count("pub"),
    subscribe: count("sub"),
    signs,
    changedAtMs,
    epochs: proxyHalves.map(({ epoch }) => epoch),
    topics: topics.map(({ name, ops, exp }) => ({ name, ops, exp })),
  };
}
