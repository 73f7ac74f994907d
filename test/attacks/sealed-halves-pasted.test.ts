/**
 * Attack: sealed parts of one document pasted into another.
 * Holds: who can write to ZooKeeper (its link has no TLS); or a second tenant of the same bridge, with a KMS of its own.
 * Does: copies a client's enrolment to another client's path; or signs a document of its own around the sealed halves,
 *   or a head of its own around the sealed K_b, of the victim.
 * Gets: where sealed parts are bound to nothing and one key serves all tenants, a bridge that computes with the victim's
 *   halves on the attacker's behalf.
 * VeilMQ: the signature covers the path; the sealed part has the path as AAD and lies under a K_b of each tenant;
 *   and inside the sealed K_b stands whose it is.
 * PROTOCOL.md §4 (A signed document, head, clients).
 */
import { randomBytes } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { openClientDocument } from "../../bridge/directory/documents.ts";
import { openHead } from "../../bridge/directory/head.ts";
import { clientPath, headPath, parseDocumentPath } from "../../core/wire/directory.ts";
import { openWith, sealWith } from "../../core/wire/document.ts";
import { type Placed, TestTenant, testIdentity } from "../support/signed-tenant.ts";

const acme = new TestTenant("acme");
const evil = new TestTenant("evil");
const halves = { tag: Buffer.alloc(256, 0x5a) };
const enrolment = acme.enrolment("pump", 1, { halves });
const bad = expect.objectContaining({ code: "BAD_DOCUMENT" });

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

function open({ path, document }: Placed, tenant: TestTenant, bridgeKey = tenant.bridgeKey) {
  const place = parseDocumentPath(path);
  if (place.kind !== "client") throw new Error("not an enrolment");
  const { kmsPublicKey } = tenant;
  return openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
}

/** The fields of a document; its signature is for everybody to see, and so is its body. */
function bodyOf({ document }: Placed): Record<string, unknown> {
  return JSON.parse(document.subarray(64).toString("utf8"));
}

test("sealed under one key for all and bound to nothing, halves open wherever they are pasted", () => {
  const bridgeKey = randomBytes(32);
  const anywhere = Buffer.alloc(0);
  const sealed = sealWith(bridgeKey, halves.tag, anywhere, randomBytes);
  expect(openWith(bridgeKey, sealed, anywhere)).toEqual(halves.tag);
});

test("ours: an enrolment at another client's path, or another tenant's, is refused", () => {
  expect(open(enrolment, acme).kind).toBe("client");
  const { document } = enrolment;
  expect(() => open({ path: clientPath("acme", "fan"), document }, acme)).toThrow(bad);
  expect(() => open({ path: clientPath("evil", "pump"), document }, evil)).toThrow(bad);
});

test("ours: another tenant's KMS signs around the victim's halves, and they do not open", () => {
  const pasted = evil.sign("enrol", clientPath("evil", "pump"), bodyOf(enrolment));
  expect(() => open(pasted, evil)).toThrow(bad);
  // Not even if it had the victim's K_b: the path inside is another.
  expect(() => open(pasted, evil, acme.bridgeKey)).toThrow(bad);
});

test("ours: nor does the KMS's own slip, halves sealed for one client in another's document", () => {
  const body = { ...bodyOf(enrolment), client: "fan" };
  expect(() => open(acme.sign("enrol", clientPath("acme", "fan"), body), acme)).toThrow(bad);
});

test("ours: another tenant's head around the victim's K_b is refused", async () => {
  const keys = { identities: [identity] };
  const head = await acme.head(identity, 1);
  const opened = await openHead("acme", head.document, { ...keys, ...acme });
  expect(opened.tenant.bridgeKey).toEqual(acme.bridgeKey);
  const body = { ...bodyOf(head), tenant: "evil" };
  const { document } = evil.sign("head", headPath("evil"), body);
  const { kmsPublicKey } = evil;
  await expect(openHead("evil", document, { ...keys, kmsPublicKey })).rejects.toThrow(
    /not this tenant's/,
  );
});
