/**
 * Attack: a token used under another login.
 * Holds: a client with a login of its own, and a token of another client, from a log, a core dump or a stolen card.
 * Does: registers it as its own.
 * Gets: where a token is the same for every client (a shared key, as in suite `hmac`), the tag; what then keeps it out
 *   is the grant, which goes by login. Under `rsa` and `p256` not even the tag.
 * VeilMQ: the bridge computes with the half of who is logged in, so that another's token becomes another C: no tag of
 *   anybody, no grant. The real ingress, over MQTT.
 * PROTOCOL.md §2.2 (PEnc), §4 (Operations), §5.
 */
import { expect, test } from "vitest";
import { ownerTag } from "../../core/scheme/owner.ts";
import { SUITE } from "../../core/scheme/suite.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { FIXTURE_MASTER } from "../core/scheme/fixture-master.ts";
import { IngressRig } from "../flow/ingress-rig.ts";
import { until } from "../support/until.ts";
import { Party, REALM } from "./victim.ts";

const TOPIC = "plant/boiler";

test("another's token gives a C that is nobody's", () => {
  const [pump, mallory] = [new Party("pump"), new Party("mallory")];
  const token = pump.role.token(TOPIC);
  const tag = ownerTag({ master: FIXTURE_MASTER, realm: REALM, topic: TOPIC });
  expect(tagOf(SUITE.rsa, REALM, pump.proxy.transform(token))).toEqual(tag);
  expect(tagOf(SUITE.rsa, REALM, mallory.proxy.transform(token))).not.toEqual(tag);
});

test("at the bridge: no grant, even for a client that may publish to that very topic", async () => {
  const rig = await IngressRig.start();
  const pump = await rig.connect(rig.fleet.enrol("pump", [TOPIC]));
  expect(await pump.register(1, TOPIC)).toBe("ok");
  const stolen = pump.registration(TOPIC);
  const mallory = await rig.connect(rig.fleet.enrol("mallory", [TOPIC, "plant/other"]));
  await mallory.publish("reg", 2, stolen);
  await until(() => mallory.said(2).length > 0);
  expect(mallory.said(2)).toEqual(["refused NO_GRANT"]);
  expect(rig.refusals).toContain("reg NO_GRANT");
});
