/**
 * Attack: the bridge and one client, in the suites without a modulus. An inherent limit, shown.
 * Holds: both halves of one client.
 * Does: `p256`: multiplies them: the group's order is public, so that the product *is* the master key k, and from the
 *   bridge's half of any client k·k_j2^-1 is that client's own. `hmac`, `pki`: nothing, the client's key is
 *   everybody's.
 * Gets: `p256`: every client's halves of the epoch, where `rsa` needs a second client for that. `hmac`, `pki`: one client
 *   alone opens every W it can get hold of, and makes every client's token.
 * VeilMQ: says so, and takes `rsa` unless told otherwise.
 * PROTOCOL.md §2 (table), §2.3, §2.4.
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { mod, modInverse } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { generateMaster, publicParameters, splitHalves } from "../../core/scheme/owner.ts";
import { REALM } from "./victim.ts";

/** The order of P-256 (SP 800-186 §3.2.1.3). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

async function twoClients(suite: "p256" | "hmac" | "pki") {
  const master = await generateMaster({ suite, random: randomBytes });
  const split = () => splitHalves({ master, random: randomBytes, consumer: true });
  return { parameters: publicParameters(master), colluding: split(), stranger: split() };
}

test("p256: the bridge and one client have every client's half", async () => {
  const { colluding, stranger } = await twoClients("p256");
  for (const of of ["tag", "record"] as const) {
    const [own, bridges, others] = [colluding.client, colluding.proxy, stranger.proxy].map((h) =>
      os2ip(h[of] ?? Buffer.alloc(0)),
    );
    const k = mod((own ?? 0n) * (bridges ?? 0n), ORDER);
    expect(i2osp(mod(k * modInverse(others ?? 1n, ORDER), ORDER), 32)).toEqual(stranger.client[of]);
  }
});

test.each(["hmac", "pki"] as const)("%s: one client is as good as any", async (suite) => {
  const { parameters, colluding, stranger } = await twoClients(suite);
  const [mallory, pump] = [colluding, stranger].map(({ client }) =>
    clientRole({ realm: REALM, parameters, halves: client }),
  );
  expect(mallory?.token("plant/secret")).toEqual(pump?.token("plant/secret"));
  const { ikm, wrapped } = pump?.wrap(randomBytes) ?? {};
  expect(mallory?.unwrap(wrapped ?? Buffer.alloc(0))).toEqual(ikm);
});

test("p256: one client alone does not open another's wrapped key", async () => {
  const { parameters, colluding, stranger } = await twoClients("p256");
  const [mallory, pump] = [colluding, stranger].map(({ client }) =>
    clientRole({ realm: REALM, parameters, halves: client }),
  );
  const { ikm, wrapped } = pump?.wrap(randomBytes) ?? {};
  expect(mallory?.unwrap(wrapped ?? Buffer.alloc(0))).not.toEqual(ikm);
  expect(mallory?.token("plant/secret")).not.toEqual(pump?.token("plant/secret"));
});
