/**
 * A tenant with real keys and its clients, held in memory behind the bridge's Directory interface: documents change
 * when a test says so.
 */
import { createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import type { Client, ClientChange, Directory, Tenant } from "../../bridge/directory/types.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { type Master, ownerTag, publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import type { ClientRole, Halves, PublicParameters } from "../../core/scheme/suite.ts";
import { DEFAULT_RETENTION_MS, type Grant, type Operation } from "../../core/wire/directory.ts";
import { generateSigningKey, importSigningKey } from "../../core/wire/keys.ts";
import { formatLogin, type Login } from "../../core/wire/login.ts";
import { BRIDGE_KEY_BYTES, InternalStore } from "../../core/wire/store.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";

export const EPOCH = 1;

/** What a client itself holds. */
export interface Member {
  readonly login: Login;
  readonly secret: Buffer;
  readonly signingKey: KeyObject;
  /** As a producer, which with all suites but `pki` is as a consumer, too. */
  readonly role: ClientRole;
  /** As a consumer. */
  readonly reader: ClientRole;
}

export class Fleet
  implements
    Pick<Directory, "tenant" | "client" | "changes" | "allows" | "onClientChange" | "onTenant">
{
  readonly parameters: PublicParameters;
  readonly #master: Master;
  #tenant: Tenant;
  #serial = 0;
  #changes = 0;
  readonly #clients = new Map<string, Client>();
  readonly #onClient = new Set<(change: ClientChange) => void>();
  readonly #onTenant = new Set<(tenant: Tenant) => void>();

  /** Of suite `rsa` unless a master key of another is given. */
  constructor(name = "acme", master: Master = FIXTURE_MASTER) {
    this.#master = master;
    this.parameters = publicParameters(master);
    const bridgeKey = randomBytes(BRIDGE_KEY_BYTES);
    this.#tenant = {
      name,
      epochs: new Map([[EPOCH, { epoch: EPOCH, parameters: this.parameters }]]),
      kafka: { partitions: 1, retentionMs: DEFAULT_RETENTION_MS },
      bridgeKey,
      store: new InternalStore(bridgeKey),
    };
  }

  get only(): Tenant {
    return this.#tenant;
  }

  /** A new client with grants for these topics, of both operations unless told otherwise. */
  enrol(
    client: string,
    topics: readonly string[],
    ops: readonly Operation[] = ["pub", "sub"],
  ): Member {
    const login = { tenant: this.#tenant.name, client };
    const secret = randomBytes(32);
    const { seed } = generateSigningKey();
    const signingKey = importSigningKey(seed);
    const halves = splitHalves({ master: this.#master, random: randomBytes, consumer: true });
    this.set({
      login,
      status: "active",
      authHash: sha256(secret),
      signingKey: createPublicKey(signingKey),
      signs: false,
      halves: new Map([[EPOCH, halves.proxy]]),
      grants: this.grants(topics, ops),
      cert: Buffer.from(`certificate of ${client}`),
    });
    const realm = { tenant: login.tenant, epoch: EPOCH };
    const input = { realm, parameters: this.parameters, halves: halves.client };
    const reader = clientRole({ ...input, consumer: { id: client, signingKey } });
    return { login, secret, signingKey, role: clientRole(input), reader };
  }

  tag(topic: string): Buffer {
    const realm = { tenant: this.#tenant.name, epoch: EPOCH };
    return ownerTag({ master: this.#master, realm, topic });
  }

  grants(
    topics: readonly string[],
    ops: readonly Operation[] = ["pub", "sub"],
    exp = Number.MAX_SAFE_INTEGER,
  ): ReadonlyMap<string, Grant> {
    return new Map(
      topics.map((topic) => {
        const tag = this.tag(topic);
        return [tag.toString("hex"), { tag, ops: [...ops], nbf: 0, exp }];
      }),
    );
  }

  /** Replaces a client's documents and tells the bridge. */
  set(after: Client): void {
    const before = this.client(after.login);
    this.#clients.set(formatLogin(after.login), after);
    this.#changes++;
    const serial = ++this.#serial;
    for (const listener of this.#onClient) listener({ login: after.login, serial, before, after });
  }

  /** Changes some of what a client's documents say. */
  change(login: Login, change: Partial<Client>): void {
    const client = this.client(login);
    if (!client) throw new Error("no such client");
    this.set({ ...client, ...change });
  }

  revoke(login: Login): void {
    this.change(login, { status: "revoked", halves: new Map<number, Halves>() });
  }

  changeTenant(change: Partial<Tenant>): void {
    this.#tenant = { ...this.#tenant, ...change };
    this.#changes++;
    for (const listener of this.#onTenant) listener(this.#tenant);
  }

  tenant(name: string): Tenant | null {
    return name === this.#tenant.name ? this.#tenant : null;
  }

  client(login: Login): Client | null {
    return this.#clients.get(formatLogin(login)) ?? null;
  }

  get changes(): number {
    return this.#changes;
  }

  allows(client: Client, operation: Operation, tag: Uint8Array, nowMs: number): boolean {
    const grant = client.grants.get(Buffer.from(tag).toString("hex"));
    if (client.status !== "active" || !grant) return false;
    return grant.ops.includes(operation) && grant.nbf <= nowMs && nowMs < grant.exp;
  }

  onClientChange(listener: (change: ClientChange) => void): () => void {
    this.#onClient.add(listener);
    return () => this.#onClient.delete(listener);
  }

  onTenant(listener: (tenant: Tenant) => void): () => void {
    this.#onTenant.add(listener);
    return () => this.#onTenant.delete(listener);
  }
}
