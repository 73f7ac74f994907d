import { expect, test } from "vitest";
import { Clients } from "../../../bridge/directory/clients.ts";
import { openClientDocument } from "../../../bridge/directory/documents.ts";
import { parseDocumentPath } from "../../../core/wire/directory.ts";
import { type Placed, TestTenant } from "../../support/signed-tenant.ts";

const tenant = new TestTenant("acme");
const { kmsPublicKey, bridgeKey } = tenant;
const tag = (byte: number): Buffer => Buffer.alloc(32, byte);
const hex = (byte: number): string => tag(byte).toString("hex");

function opened({ path, document }: Placed) {
  const place = parseDocumentPath(path);
  if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's document");
  return openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
}

function filled(): Clients {
  const clients = new Clients("acme");
  clients.apply(opened(tenant.enrolment("pump", 1, { chunks: 2 })));
  clients.apply(opened(tenant.grants("pump", 1, [{ tag: tag(1) }])));
  clients.apply(opened(tenant.grants("pump", 1, [{ tag: tag(2) }], { chunk: 1 })));
  clients.apply(opened(tenant.cert("pump", 1)));
  return clients;
}

test("puts a client together from its documents", () => {
  const client = filled().get("pump");
  expect(client?.login).toEqual({ tenant: "acme", client: "pump" });
  expect([...(client?.grants.keys() ?? [])]).toEqual([hex(1), hex(2)]);
  expect(client?.cert).not.toBeNull();
  expect(client?.signingKey.asymmetricKeyType).toBe("ed25519");
  expect(client?.signingKey).toBe(client?.signingKey);
});

test("tells before and after, and nothing where nothing changed", () => {
  const clients = new Clients("acme");
  const enrolment = opened(tenant.enrolment("pump", 1));
  const first = clients.apply(enrolment);
  expect(first?.before).toBeNull();
  expect(first?.after?.status).toBe("active");
  expect(clients.apply(enrolment)).toBeNull();
  const second = clients.apply(opened(tenant.enrolment("pump", 2, { status: "revoked" })));
  expect(second?.before).toBe(first?.after);
  expect(second?.after?.status).toBe("revoked");
});

test("has what was given to it, whatever its version", () => {
  const clients = filled();
  const grants = { kind: "grants", tenant: "acme", client: "pump" } as const;
  expect(clients.has({ ...grants, chunk: 1 })).toBe(true);
  expect(clients.has({ ...grants, chunk: 2 })).toBe(false);
  expect(clients.has({ kind: "cert", tenant: "acme", client: "pump" })).toBe(true);
  expect(clients.has({ kind: "client", tenant: "acme", client: "valve" })).toBe(false);
});

test("a certificate that comes before the enrolment makes no client yet", () => {
  const clients = new Clients("acme");
  expect(clients.apply(opened(tenant.cert("pump", 1)))).toBeNull();
  expect(clients.get("pump")).toBeNull();
  clients.apply(opened(tenant.enrolment("pump", 1)));
  expect(clients.get("pump")?.cert).not.toBeNull();
});

test("chunks beyond the enrolment's count do not count", () => {
  const clients = filled();
  expect(
    clients.apply(opened(tenant.grants("pump", 9, [{ tag: tag(3) }], { chunk: 2 }))),
  ).toBeNull();
  clients.apply(opened(tenant.enrolment("pump", 2, { chunks: 1 })));
  expect([...(clients.get("pump")?.grants.keys() ?? [])]).toEqual([hex(1)]);
  expect(clients.chunks("pump")).toBe(1);
});

test("a chunk that was dropped counts again when the count grows", () => {
  const clients = filled();
  const chunk = opened(tenant.grants("pump", 3, [{ tag: tag(2) }], { chunk: 1 }));
  clients.apply(chunk);
  clients.apply(opened(tenant.enrolment("pump", 4, { chunks: 1 })));
  clients.apply(opened(tenant.enrolment("pump", 5, { chunks: 2 })));
  expect(clients.get("pump")?.grants.size).toBe(1);
  expect(clients.apply(chunk)?.after?.grants.has(hex(2))).toBe(true);
});

test("a revoked client keeps its grants, for others to rekey, and loses its halves", () => {
  const clients = filled();
  clients.apply(opened(tenant.enrolment("pump", 2, { status: "revoked", chunks: 0 })));
  const client = clients.get("pump");
  expect(client?.grants.size).toBe(2);
  expect(client?.halves.size).toBe(0);
  expect(clients.chunks("pump")).toBe(2);
});
