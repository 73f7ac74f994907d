/** The agents' worker threads with every suite, from a credential's bytes to the owner's tag and a shared key. */
import { randomBytes } from "node:crypto";
import { describe, expect, it, onTestFinished } from "vitest";
import { SchemeWorker } from "../../agent/consumer/scheme.ts";
import { Scheme } from "../../agent/device/sealing/scheme.ts";
import { generateMaster, type Master } from "../../core/scheme/owner.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { decodeCredential, encodeCredential } from "../../core/wire/credential.ts";
import { importPublicKey } from "../../core/wire/keys.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { makeTenant, type TestDevice } from "../support/tenant.ts";

const random = randomBytes;
const MASTERS: Master[] = [
  FIXTURE_MASTER,
  await generateMaster({ suite: "p256", random }),
  await generateMaster({ suite: "hmac", random }),
  await generateMaster({ suite: "pki", random }),
];

/** As it comes back from its file. */
function stored({ credential }: TestDevice) {
  return decodeCredential(Buffer.from(encodeCredential(credential)));
}

describe.each(MASTERS)("suite $suite", (master) => {
  const tenant = makeTenant("acme", master);
  const { realm, parameters } = tenant;
  const device = tenant.enrol("probe-1", { topics: ["t"], urls: [] });
  const desk = tenant.enrol("desk-7", { topics: ["t"], urls: [] });

  it("takes a device's token to the owner's tag, and its W to a key that a consumer opens", async () => {
    const scheme = new Scheme({ credential: stored(device) });
    onTestFinished(() => scheme.stop());
    const role = proxyRole({ realm, parameters, halves: device.proxy });
    const canonical = role.transform(await scheme.token(realm.epoch, "t"));
    expect(tagOf(role.suite, realm, canonical).toString("hex")).toBe(tenant.tag("t"));
    const { ikm, wrapped } = await scheme.wrap(realm.epoch);
    expect(tenant.unwrap(wrapped)).toEqual(ikm);
  });

  it("takes a consumer's trapdoor to the owner's tag, and V to the producer's key", async () => {
    const worker = new SchemeWorker(stored(desk));
    const scheme = new Scheme({ credential: stored(device) });
    onTestFinished(async () => {
      await Promise.all([worker.stop(), scheme.stop()]);
    });
    const consumer = { id: "desk-7", publicKey: importPublicKey(desk.publicKey) };
    const role = proxyRole({ realm, parameters, halves: desk.proxy, consumer });
    const canonical = role.transform(await worker.of(realm.epoch).trapdoor("t"));
    expect(tagOf(role.suite, realm, canonical).toString("hex")).toBe(tenant.tag("t"));
    const { ikm, wrapped } = await scheme.wrap(realm.epoch);
    const release = releaseRole({ realm, parameters, halves: desk.proxy });
    expect(await worker.of(realm.epoch).unwrap(release.release(wrapped))).toEqual(ikm);
  });
});
