/** The clients of one tenant in memory: the last good documents of each, and what they say together. */
import type { KeyObject } from "node:crypto";
import { importPublicKey } from "../../core/wire/keys.ts";
import type { Login } from "../../core/wire/login.ts";
import type { ProxyHalves } from "../../core/wire/parameters.ts";
import type {
  ClientPlace,
  OpenedCert,
  OpenedDocument,
  OpenedEnrolment,
  OpenedGrants,
} from "./documents.ts";
import { GrantTable } from "./grant-table.ts";
import type { Client, ClientChange } from "./types.ts";

interface Held {
  enrolment: OpenedEnrolment | undefined;
  cert: OpenedCert | undefined;
  /** By chunk number; nearly always one. */
  grants: readonly OpenedGrants[];
  /** `null` while there is no enrolment. */
  client: Client | null;
}

export class Clients {
  readonly #tenant: string;
  readonly #held = new Map<string, Held>();

  constructor(tenant: string) {
    this.#tenant = tenant;
  }

  get size(): number {
    return this.#held.size;
  }

  get(client: string): Client | null {
    return this.#held.get(client)?.client ?? null;
  }

  /** All that are enrolled. */
  *all(): Generator<Client> {
    for (const { client } of this.#held.values()) if (client) yield client;
  }

  /** How many grant chunks of a client count. */
  chunks(client: string): number {
    return chunksInForce(this.#held.get(client));
  }

  /** Whether we have a document of this place. */
  has(place: ClientPlace): boolean {
    const held = this.#held.get(place.client);
    return held !== undefined && present(held, place) !== undefined;
  }

  /** Whether the document of this digest is what we have at its place: it need not be verified again. */
  holds(place: ClientPlace, digest: string): boolean {
    const held = this.#held.get(place.client);
    return held !== undefined && present(held, place)?.digest === digest;
  }

  /** Takes a verified document over; `null` where that changes nothing. */
  apply(opened: OpenedDocument): ClientChange | null {
    const held = this.#held.get(opened.client) ?? empty();
    if (present(held, opened)?.digest === opened.digest) return null;
    if (opened.kind === "grants" && opened.chunk >= chunksInForce(held)) return null;
    this.#held.set(opened.client, held);
    if (opened.kind === "cert") held.cert = opened;
    else if (opened.kind === "grants") held.grants = withChunk(held.grants, opened);
    else {
      held.enrolment = opened;
      const inForce = chunksInForce(held);
      held.grants = held.grants.filter(({ chunk }) => chunk < inForce);
    }
    const before = held.client;
    held.client = clientOf({ tenant: this.#tenant, client: opened.client }, held);
    if (!before && !held.client) return null;
    const login = { tenant: this.#tenant, client: opened.client };
    return { login, serial: opened.serial, before, after: held.client };
  }
}

function empty(): Held {
  return { enrolment: undefined, cert: undefined, grants: [], client: null };
}

/** The list with `opened` in its place. */
function withChunk(grants: readonly OpenedGrants[], opened: OpenedGrants): OpenedGrants[] {
  const others = grants.filter(({ chunk }) => chunk !== opened.chunk);
  return others.concat(opened).sort((a, b) => a.chunk - b.chunk);
}

/** What is held where `at` is or belongs. */
function present(held: Held, at: OpenedDocument | ClientPlace): OpenedDocument | undefined {
  if (at.kind === "client") return held.enrolment;
  return at.kind === "cert" ? held.cert : held.grants.find(({ chunk }) => chunk === at.chunk);
}

/** A revocation need not repeat the count: the grants a client had decide who has to rekey. */
function chunksInForce(held: Held | undefined): number {
  if (!held?.enrolment) return 0;
  const { status, chunks } = held.enrolment.enrolment;
  if (status === "active") return chunks;
  return Math.max(chunks, ...held.grants.map(({ chunk }) => chunk + 1));
}

function clientOf(login: Login, held: Held): Client | null {
  const { enrolment, cert, grants } = held;
  if (!enrolment) return null;
  return new EnrolledClient(login, enrolment, {
    grants: new GrantTable(grants.map(({ rows }) => rows)),
    cert: cert?.document ?? null,
  });
}

class EnrolledClient implements Client {
  readonly login: Login;
  readonly status: "active" | "revoked";
  readonly authHash: Buffer;
  readonly signs: boolean;
  readonly halves: ReadonlyMap<number, ProxyHalves>;
  readonly grants: Client["grants"];
  readonly cert: Buffer | null;
  readonly #rawSigningKey: Buffer;
  #signingKey: KeyObject | undefined;

  constructor(
    login: Login,
    { enrolment, halves }: OpenedEnrolment,
    rest: Pick<Client, "grants" | "cert">,
  ) {
    this.login = login;
    this.status = enrolment.status;
    this.authHash = enrolment.authHash;
    this.signs = enrolment.signs;
    this.halves = halves;
    this.grants = rest.grants;
    this.cert = rest.cert;
    this.#rawSigningKey = enrolment.signingKey;
  }

  /** Made when first asked for: of a large fleet most clients never announce to this bridge. */
  get signingKey(): KeyObject {
    this.#signingKey ??= importPublicKey(this.#rawSigningKey);
    return this.#signingKey;
  }
}
