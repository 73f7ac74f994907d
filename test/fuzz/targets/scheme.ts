/** The values that a device, a bridge and a consumer compute from each other's, in every suite. */
import { clientRole } from "../../../core/scheme/client.ts";
import { generateHmacMaster } from "../../../core/scheme/hmac/owner.ts";
import { type Master, publicParameters, splitHalves } from "../../../core/scheme/owner.ts";
import { generateP256Master } from "../../../core/scheme/p256/owner.ts";
import { generatePkiMaster } from "../../../core/scheme/pki/owner.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../../core/scheme/proxy.ts";
import { acceptModulus } from "../../../core/scheme/rsa/modulus.ts";
import { FIXTURE_MASTER } from "../../core/scheme/fixture-master.ts";
import { bytes, CLIENT, PARAMETERS, PUBLIC_KEY, REALM, SIGNING_KEY } from "../fixtures.ts";
import type { Target } from "../target.ts";

const TOPIC = "field/north";

/** All that goes to and fro in one suite, a consumer at the far end. */
function suiteTargets(master: Master): Target[] {
  const parameters = publicParameters(master);
  const { client, proxy } = splitHalves({ master, random: bytes, consumer: true });
  const shared = { realm: REALM, parameters };
  const device = clientRole({ ...shared, halves: client });
  const bridge = proxyRole({ ...shared, halves: proxy });
  const consumer = { ...shared, consumer: { id: CLIENT, signingKey: SIGNING_KEY } };
  const subscription = { ...shared, consumer: { id: CLIENT, publicKey: PUBLIC_KEY } };
  const trapdoor = clientRole({ ...consumer, halves: client }).token(TOPIC);
  const bridgeOfConsumer = proxyRole({ ...subscription, halves: proxy });
  const { wrapped } = device.wrap(bytes);
  const released = releaseRole({ ...shared, halves: proxy }).release(wrapped);
  // Exponentiations with a big modulus: 2 ms each.
  const share = master.suite === "rsa" ? 0.05 : 0.3;
  return [
    {
      name: `${master.suite}-token`,
      samples: [device.token(TOPIC)],
      run: (input) => bridge.transform(input),
      share,
    },
    {
      name: `${master.suite}-trapdoor`,
      samples: [trapdoor],
      run: (input) => bridgeOfConsumer.transform(input),
      share,
    },
    {
      name: `${master.suite}-wrapped-key`,
      samples: [wrapped],
      run: (input) => checkWrapped(parameters, input),
      share: 0.3,
    },
    {
      name: `${master.suite}-released-key`,
      samples: [released],
      run: (input) => device.unwrap(input),
      share,
    },
    {
      name: `${master.suite}-half`,
      samples: [proxy.tag],
      run: (input) => proxyRole({ ...shared, halves: { tag: input } }),
      share: 0.3,
    },
  ];
}

export const schemeTargets: readonly Target[] = [
  ...suiteTargets(FIXTURE_MASTER),
  ...suiteTargets(generateP256Master(bytes)),
  ...suiteTargets(generateHmacMaster(bytes)),
  ...suiteTargets(generatePkiMaster(bytes)),
  {
    name: "rsa-modulus",
    samples: [PARAMETERS.nTag],
    run: (input) => acceptModulus(input),
    share: 0.02,
  },
];
