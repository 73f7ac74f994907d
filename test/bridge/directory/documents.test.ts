import { beforeAll, describe, expect, test } from "vitest";
import { openClientDocument } from "../../../bridge/directory/documents.ts";
import { openHead } from "../../../bridge/directory/head.ts";
import { serialOf } from "../../../bridge/directory/version.ts";
import { grantsPath, parseDocumentPath } from "../../../core/wire/directory.ts";
import { type Placed, TestTenant, testIdentity } from "../../support/signed-tenant.ts";

const tenant = new TestTenant("acme");
const tag = Buffer.alloc(32, 3);
const bad = expect.objectContaining({ code: "BAD_DOCUMENT" });

function open({ path, document }: Placed, keys: Partial<TestTenant> = {}) {
  const place = parseDocumentPath(path);
  if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's document");
  const { kmsPublicKey, bridgeKey } = { ...pick(tenant), ...keys };
  return openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
}

function pick({ kmsPublicKey, bridgeKey }: TestTenant) {
  return { kmsPublicKey, bridgeKey };
}

describe("a client's documents", () => {
  test("an enrolment opens, with its halves", () => {
    const halves = { tag: Buffer.alloc(256, 1), record: Buffer.alloc(256, 2) };
    const opened = open(tenant.enrolment("pump", 4, { halves, chunks: 2 }));
    expect(opened).toMatchObject({ kind: "client", client: "pump", serial: 4 });
    expect(opened.kind === "client" && opened.halves.get(1)).toEqual(halves);
    expect(opened.kind === "client" && opened.enrolment.chunks).toBe(2);
  });

  test("a revocation has no halves, and needs none", () => {
    const opened = open(tenant.enrolment("pump", 5, { status: "revoked" }));
    expect(opened.kind === "client" && opened.halves.size).toBe(0);
  });

  test("an active enrolment without halves is refused", () => {
    const path = "/veilmq/acme/clients/pump";
    const { sealed: _, ...body } = JSON.parse(
      tenant.enrolment("pump", 1).document.subarray(64).toString("utf8"),
    );
    expect(() => open(tenant.sign("enrol", path, body))).toThrow(bad);
  });

  test("grants open under K_b, and only where they were sealed for", () => {
    expect(open(tenant.grants("pump", 4, [{ tag }]))).toMatchObject({ kind: "grants", chunk: 0 });
    const elsewhere = grantsPath("acme", "pump", 1);
    expect(() => open(tenant.grants("pump", 4, [{ tag }], { sealedAt: elsewhere }))).toThrow(bad);
    const { bridgeKey } = new TestTenant("acme");
    expect(() => open(tenant.grants("pump", 4, [{ tag }]), { bridgeKey })).toThrow(bad);
  });

  test("a certificate is kept as it is", () => {
    const cert = tenant.cert("pump", 4);
    const opened = open(cert);
    expect(opened.kind === "cert" && opened.document.equals(cert.document)).toBe(true);
  });

  test("a document counts only at its own path", () => {
    const { document } = tenant.enrolment("pump", 4);
    expect(() => open({ path: "/veilmq/acme/clients/fan", document })).toThrow(bad);
    const chunk = tenant.grants("pump", 4, [{ tag }]).document;
    expect(() => open({ path: grantsPath("acme", "pump", 1), document: chunk })).toThrow(bad);
  });

  test("a body that names another client is refused, although it is signed for this path", () => {
    const body = JSON.parse(tenant.cert("fan", 1).document.subarray(64).toString("utf8"));
    expect(() => open(tenant.sign("cert", "/veilmq/acme/clients/pump/cert", body))).toThrow(bad);
  });

  test("any changed byte is refused", () => {
    const { path, document } = tenant.enrolment("pump", 4);
    for (let at = 0; at < document.length; at += 7) {
      const changed = Buffer.from(document);
      changed.writeUInt8((document.readUInt8(at) ^ 1) & 0xff, at);
      expect(() => open({ path, document: changed })).toThrow(bad);
    }
  });

  test("another KMS signs nothing here", () => {
    const { kmsPublicKey } = new TestTenant("acme");
    expect(() => open(tenant.enrolment("pump", 4), { kmsPublicKey })).toThrow(bad);
  });

  test("serialOf reads only what is signed for its place", () => {
    const { path, document } = tenant.enrolment("pump", 42);
    expect(serialOf(path, document, tenant.kmsPublicKey)).toBe(42);
    expect(serialOf("/veilmq/acme/clients/fan", document, tenant.kmsPublicKey)).toBeNull();
    expect(serialOf(path, Buffer.alloc(0), tenant.kmsPublicKey)).toBeNull();
  });
});

describe("openHead", () => {
  let identity: string;
  let other: string;
  beforeAll(async () => {
    identity = await testIdentity();
    other = await testIdentity();
  });
  const { kmsPublicKey } = tenant;

  test("gives the epochs and K_b, by any of several identities", async () => {
    const { document } = await tenant.head(identity, 3);
    const head = await openHead("acme", document, { kmsPublicKey, identities: [other, identity] });
    expect(head.serial).toBe(3);
    expect(head.tenant.bridgeKey.equals(tenant.bridgeKey)).toBe(true);
    expect([...head.tenant.epochs.keys()]).toEqual([1]);
  });

  test.each([
    ["is sealed to another bridge", () => tenant.head(other, 3)],
    ["holds another tenant's key", () => tenant.head(identity, 3, { sealedFor: "other" })],
    ["holds a short key", () => tenant.head(identity, 3, { bridgeKey: Buffer.alloc(31) })],
    ["is another tenant's", () => new TestTenant("other").head(identity, 3)],
  ])("refuses a head that %s", async (_, make) => {
    const { document } = await make();
    const opening = openHead("acme", document, { kmsPublicKey, identities: [identity] });
    await expect(opening).rejects.toEqual(bad);
  });
});
