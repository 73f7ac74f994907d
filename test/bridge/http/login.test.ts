import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Clients } from "../../../bridge/directory/clients.ts";
import { openClientDocument } from "../../../bridge/directory/documents.ts";
import { authenticate } from "../../../bridge/http/login.ts";
import { clientPath } from "../../../core/wire/directory.ts";
import type { Login } from "../../../core/wire/login.ts";
import { TestTenant } from "../../support/signed-tenant.ts";

const tenant = new TestTenant("acme");
const secret = randomBytes(32);
const clients = new Clients("acme");
for (const [client, status] of [
  ["pump", "active"],
  ["gone", "revoked"],
] as const) {
  const { kmsPublicKey, bridgeKey } = tenant;
  const { document } = tenant.enrolment(client, 1, { secret, status });
  const place = { kind: "client", tenant: "acme", client } as const;
  const path = clientPath("acme", client);
  clients.apply(openClientDocument({ path, place, document, kmsPublicKey, bridgeKey }));
}
const directory = {
  client: ({ tenant, client }: Login) => (tenant === "acme" ? clients.get(client) : null),
};

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const password = secret.toString("base64url");

describe("authenticate", () => {
  test("knows a client by its secret", () => {
    const { login } = authenticate(basic(`pump@acme:${password}`), directory);
    expect(login).toEqual({ tenant: "acme", client: "pump" });
  });

  test("tells a revoked client so, if it knows the secret, and nobody else", () => {
    const revoked = expect.objectContaining({ code: "REVOKED" });
    expect(() => authenticate(basic(`gone@acme:${password}`), directory)).toThrow(revoked);
    const wrong = randomBytes(32).toString("base64url");
    const auth = expect.objectContaining({ code: "AUTH" });
    expect(() => authenticate(basic(`gone@acme:${wrong}`), directory)).toThrow(auth);
  });

  test.each([
    ["no header", undefined],
    ["an empty header", ""],
    ["another scheme", "Bearer abc"],
    ["no colon", basic("pump@acme")],
    ["no secret", basic("pump@acme:")],
    ["a wrong secret", basic(`pump@acme:${randomBytes(32).toString("base64url")}`)],
    ["a secret with padding", basic(`pump@acme:${password}=`)],
    ["an unknown client", basic(`fan@acme:${password}`)],
    ["an unknown tenant", basic(`pump@other:${password}`)],
    ["no tenant", basic(`pump:${password}`)],
    ["two tenants", basic(`pump@acme@acme:${password}`)],
    ["a name like a path", basic(`../pump@acme:${password}`)],
    ["a huge header", basic(`pump@acme:${password}${"x".repeat(10_000)}`)],
  ])("refuses %s", (_, header) => {
    const auth = expect.objectContaining({ code: "AUTH" });
    expect(() => authenticate(header, directory)).toThrow(auth);
  });
});
