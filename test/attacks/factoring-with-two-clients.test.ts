/**
 * Attack: the bridge and two clients factor N_tag. An inherent limit, shown.
 * Holds: both tag halves of clients i and j.
 * Does: e_i1·e_i2 and e_j1·e_j2 are the same e modulo λ but different integers: their difference is a multiple of λ.
 * Gets: the factors, and from the bridge's half of any client that client's own half: the whole epoch of the tenant.
 *   One client enrolled twice in an epoch counts as two, if the bridge kept the halves it should have dropped.
 * VeilMQ: cannot prevent it: a scheme of two shares does not survive both. It is contained: a modulus for each tenant
 *   and epoch, so that neither other tenants nor other epochs fall with it, and record keys are under another modulus.
 * PROTOCOL.md §1 ("contained"), §2.2 (UGen).
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { openClientDocument } from "../../bridge/directory/documents.ts";
import { mod, modInverse } from "../../core/scheme/arithmetic.ts";
import { os2ip } from "../../core/scheme/bytes.ts";
import { decodeCredential, newestEpoch } from "../../core/wire/credential.ts";
import { clientPath } from "../../core/wire/directory.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { enrol } from "../../kms/enrol.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { makeTenant, readBundle } from "../kms/fixture.ts";
import { factorFrom, lambdaFrom } from "./toy.ts";
import { bothHalves, N_REC, N_TAG } from "./victim.ts";

const FACTORS = [os2ip(FIXTURE_MASTER.tag.p), os2ip(FIXTURE_MASTER.tag.q)];

test("two clients and the bridge have every client's half", () => {
  const [i, j, stranger] = [bothHalves(), bothHalves(), bothHalves()];
  const multiple = i.tag.client * i.tag.proxy - j.tag.client * j.tag.proxy;
  const factor = factorFrom(multiple, N_TAG);
  expect(FACTORS).toContain(factor);
  const lambda = lambdaFrom(factor ?? 1n, N_TAG);
  const e = i.tag.client * i.tag.proxy;
  expect(mod(e * modInverse(stranger.tag.proxy, lambda), lambda)).toBe(stranger.tag.client);
});

test("it stays with this modulus: the record keys' does not fall with it", () => {
  const [i, j] = [bothHalves(), bothHalves()];
  const multiple = i.tag.client * i.tag.proxy - j.tag.client * j.tag.proxy;
  expect(factorFrom(multiple, N_REC)).toBeNull();
});

test("one client enrolled twice by the real KMS, and a bridge that forgets nothing, are enough", async () => {
  const tenant = await openTenant(await makeTenant());
  const first = await enrolPump(tenant, false);
  const second = await enrolPump(tenant, true);
  expect(FACTORS).toContain(factorFrom(first - second, N_TAG));
});

/** Enrols the client and gives e_i1·e_i2: its credential's half times the one in the bridge's document. */
async function enrolPump(tenant: Tenant, again: boolean): Promise<bigint> {
  const client = "pump";
  const enrolled = await enrol(tenant, { client, publish: ["a/b"], subscribe: [], again });
  const own = newestEpoch(decodeCredential(await readFile(enrolled.credential))).halves;
  const path = clientPath(tenant.name, client);
  const document = (await readBundle(enrolled.bundle)).get(path);
  if (!document) throw new Error("the bundle has no enrolment");
  const { bridgeKey } = tenant.master;
  const kmsPublicKey = importPublicKey(tenant.master.kmsPublicKey);
  const place = { kind: "client", tenant: tenant.name, client } as const;
  const opened = openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
  const halves = opened.kind === "client" ? [...opened.halves.values()] : [];
  const [bridges] = halves;
  if (!bridges?.tag) throw new Error("the enrolment has no halves");
  return os2ip(own.tag) * os2ip(bridges.tag);
}
