/** What the rest of the bridge knows of tenants and clients: verified, opened, and not older than ZooKeeper's last word. */
import type { KeyObject } from "node:crypto";
import type { Grant, Head, Operation } from "../../core/wire/directory.ts";
import type { ImportResponse } from "../../core/wire/http.ts";
import type { Login } from "../../core/wire/login.ts";
import type { EpochInForce, ProxyHalves } from "../../core/wire/parameters.ts";
import type { InternalStore } from "../../core/wire/store.ts";

/** A tenant, from its head. */
export interface Tenant {
  readonly name: string;
  /** Those of the head, by number; `epochs.ts` says which count now. */
  readonly epochs: ReadonlyMap<number, EpochInForce>;
  readonly kafka: Head["kafka"];
  /** K_b, 32 bytes. */
  readonly bridgeKey: Buffer;
  readonly store: InternalStore;
}

/** A client, from its enrolment, grants and certificate. */
export interface Client {
  readonly login: Login;
  readonly status: "active" | "revoked";
  /** SHA-256 of its secret. */
  readonly authHash: Buffer;
  readonly signingKey: KeyObject;
  readonly signs: boolean;
  /** Proxy halves by epoch; empty once revoked. The tag half goes with the grace window, the record half later. */
  readonly halves: ReadonlyMap<number, ProxyHalves>;
  /** By hex tag. A revoked client keeps its last ones: who could read what decides who must rekey. */
  readonly grants: ReadonlyMap<string, Grant>;
  /** The signed certificate document; null until it has been imported. */
  readonly cert: Buffer | null;
}

export interface ClientChange {
  readonly login: Login;
  /** Of the document that made the change. */
  readonly serial: number;
  readonly before: Client | null;
  readonly after: Client | null;
}

export interface Directory {
  tenant(name: string): Tenant | null;
  /** `null`: never enrolled here. */
  client(login: Login): Client | null;
  /** Grows with every change of a tenant or a client: while it stays the same, so does what they say. */
  readonly changes: number;
  /** Default deny: an active client with a grant of `tag` for `operation`, `nbf ≤ now < exp`. */
  allows(client: Client, operation: Operation, tag: Uint8Array, nowMs: number): boolean;
  /** Calls `listener` at every change of a client's documents; returns how to stop that. */
  onClientChange(listener: (change: ClientChange) => void): () => void;
  /** Calls `listener` when a tenant begins to be served and when its head changes; returns how to stop that. */
  onTenant(listener: (tenant: Tenant) => void): () => void;
  /** How long ago ZooKeeper last confirmed what we hold: of one tenant, or of the one that it confirmed longest ago. */
  ageMs(tenant?: string): number;
  /** Verifies each document, keeps it in ZooKeeper, records its serial. Throws BAD_DOCUMENT, ROLLED_BACK, UNAVAILABLE. */
  import(documents: readonly { path: string; document: Buffer }[]): Promise<ImportResponse>;
}
