/**
 * Attack: the bridge and one client factor the modulus.
 * Holds: both halves of one consumer, of tags (e_j1, e_j2) and of record keys (d_j1, d_j2), and all that is public.
 * Does: d_j1·d_j2 is d modulo λ, and e = 65537 is public, so 65537·d_j1·d_j2 − 1 is a multiple of λ; Miller's reduction
 *   makes a factor of it.
 * Gets: with one modulus for both, everything: λ turns the bridge's half of any client into that client's own half.
 * VeilMQ: two moduli. N_rec does fall, which gives this coalition nothing that d = d_j1·d_j2 did not give it already:
 *   it opens every record key of the epoch. N_tag stands: its e is secret, and one pair of halves is just two odd
 *   numbers that fit some e, so it tells nothing about the factors. Colluding with the bridge is outside the promise.
 * PROTOCOL.md §1 ("contained"), §2.2 (IGen).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { mod, modInverse } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { ownerTag, publicParameters } from "../../core/scheme/owner.ts";
import { proxyRole } from "../../core/scheme/proxy.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { factorFrom, lambdaFrom } from "./toy.ts";
import { bothHalves, K, N_REC, N_TAG, REALM, RECORD_E } from "./victim.ts";

test("with one modulus for tags and records, one consumer is enough for everything", () => {
  const { p, q } = FIXTURE_MASTER.tag;
  const naive = { ...FIXTURE_MASTER, record: { p, q } };
  const colluding = bothHalves(naive);
  const stranger = bothHalves(naive);

  const factor = factorFrom(
    RECORD_E * colluding.record.client * colluding.record.proxy - 1n,
    N_TAG,
  );
  expect([os2ip(p), os2ip(q)]).toContain(factor);

  const lambda = lambdaFrom(factor ?? 1n, N_TAG);
  const e = colluding.tag.client * colluding.tag.proxy;
  expect(mod(e * modInverse(stranger.tag.proxy, lambda), lambda)).toBe(stranger.tag.client);
});

test("ours: N_rec falls to the bridge with one consumer", () => {
  const { record } = bothHalves();
  const { p, q } = FIXTURE_MASTER.record;
  const factor = factorFrom(RECORD_E * record.client * record.proxy - 1n, N_REC);
  expect([os2ip(p), os2ip(q)]).toContain(factor);
});

test("ours: N_tag does not, whatever is put together", () => {
  const { tag, record } = bothHalves();
  const [e, d] = [tag.client * tag.proxy, record.client * record.proxy];
  const tries = [e, e - 1n, e - RECORD_E, RECORD_E * e - 1n, d * e - 1n, d - e, RECORD_E * d - 1n];
  for (const number of tries) expect(factorFrom(number, N_TAG)).toBeNull();
});

test("ours: any two odd numbers are the halves of some master key, so that a pair tells nothing", () => {
  const factor = os2ip(FIXTURE_MASTER.tag.p);
  const lambda = lambdaFrom(factor, N_TAG);
  const [client, proxy] = [os2ip(randomBytes(255)) | 1n, os2ip(randomBytes(255)) | 1n];
  const e = i2osp(mod(client * proxy, lambda), K);
  const master = { ...FIXTURE_MASTER, tag: { ...FIXTURE_MASTER.tag, e } };
  const parameters = publicParameters(master);
  const user = clientRole({ realm: REALM, parameters, halves: { tag: i2osp(client, K) } });
  const bridge = proxyRole({ realm: REALM, parameters, halves: { tag: i2osp(proxy, K) } });
  const tag = tagOf(SUITE.rsa, REALM, bridge.transform(user.token("plant/boiler")));
  expect(tag).toEqual(ownerTag({ master, realm: REALM, topic: "plant/boiler" }));
});
