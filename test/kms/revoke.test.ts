import { describe, expect, test } from "vitest";
import { openClientDocument } from "../../bridge/directory/documents.ts";
import { clientPath } from "../../core/wire/directory.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { enrol } from "../../kms/enrol.ts";
import { revoke } from "../../kms/revoke.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { allClients, makeTenant, readBundle, TENANT } from "./fixture.ts";

const CLIENT = "pi-01";

async function tenantWithClient(): Promise<Tenant> {
  const tenant = await openTenant(await makeTenant());
  await enrol(tenant, { client: CLIENT, publish: ["a/b"], subscribe: [] });
  return tenant;
}

describe("revoke", () => {
  test("signs an enrolment without halves, above the one before", async () => {
    const tenant = await tenantWithClient();
    const { bundle, again } = await revoke(tenant, CLIENT);
    const documents = await readBundle(bundle);
    const path = clientPath(TENANT, CLIENT);
    const opened = openClientDocument({
      path,
      place: { kind: "client", tenant: TENANT, client: CLIENT },
      document: documents.get(path) ?? Buffer.of(),
      kmsPublicKey: importPublicKey(tenant.master.kmsPublicKey),
      bridgeKey: tenant.master.bridgeKey,
    });
    expect([...documents.keys()]).toEqual([path]);
    expect(opened).toMatchObject({
      serial: 3,
      enrolment: { status: "revoked", chunks: 1 },
      halves: new Map(),
    });
    expect(again).toBe(false);
  });

  test("makes the document anew for a client that is revoked already", async () => {
    const tenant = await tenantWithClient();
    await revoke(tenant, CLIENT);
    expect(await revoke(tenant, CLIENT)).toMatchObject({ again: true, serial: 4 });
  });

  test("refuses a client that it does not know", async () => {
    const tenant = await tenantWithClient();
    await expect(revoke(tenant, "pi-02")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(revoke(tenant, "../head")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });
});

test("the list has every client by name, with its status and topics", async () => {
  const tenant = await tenantWithClient();
  await enrol(tenant, { client: "desk", publish: ["x"], subscribe: ["a/b", "x"] });
  await revoke(tenant, CLIENT);
  const listed = await allClients(tenant);
  expect(listed).toMatchObject([
    { client: "desk", status: "active", serial: 3, publish: 1, subscribe: 2 },
    { client: CLIENT, status: "revoked", serial: 4, publish: 1, subscribe: 0 },
  ]);
  expect(listed[0]?.topics.map(({ name, ops }) => [name, ops])).toEqual([
    ["x", ["pub", "sub"]],
    ["a/b", ["sub"]],
  ]);
});
