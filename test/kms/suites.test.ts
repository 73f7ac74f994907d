/** A tenant of every suite: what `kms init` and `kms enrol` make, held against each other. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { openClientDocument } from "../../bridge/directory/documents.ts";
import { clientRole } from "../../core/scheme/client.ts";
import { ownerTag } from "../../core/scheme/owner.ts";
import { proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { decodeCredential, newestEpoch } from "../../core/wire/credential.ts";
import { importPublicKey, importSigningKey } from "../../core/wire/keys.ts";
import { enrol } from "../../kms/enrol.ts";
import { publicFileSchema } from "../../kms/public-file.ts";
import { openTenant } from "../../kms/tenant.ts";
import { wholeHalves } from "./at-the-bridge.ts";
import { makeTenant, readBundle, TENANT } from "./fixture.ts";

const REALM = { tenant: TENANT, epoch: 1 };
const TOPIC = "plant/kessel";

describe.each(["rsa", "p256", "hmac", "pki"] as const)("suite %s", (suite) => {
  const bits = suite === "rsa" ? 2048 : undefined;

  test("is what public.json, the master file and credentials say", async () => {
    const { made, ...options } = await makeTenant({ suite, bits });
    const known = publicFileSchema.parse(JSON.parse(await readFile(made.publicFile, "utf8")));
    expect(known).toMatchObject({ tenant: TENANT, suite, epoch: 1 });
    expect(made).toMatchObject({ suite });
    expect([Object.hasOwn(known, "bits"), Object.hasOwn(made, "bits")]).toEqual(
      suite === "rsa" ? [true, true] : [false, false],
    );
    const { master } = await openTenant(options);
    expect(master.epochs.map((epoch) => epoch.master.suite)).toEqual([suite]);
  });

  test("takes a device and a consumer to the same tag and the same key", async () => {
    const tenant = await openTenant(await makeTenant({ suite, bits }));
    const enrolled = async (client: string, publish: string[], subscribe: string[]) => {
      const { credential: path, bundle } = await enrol(tenant, { client, publish, subscribe });
      const credential = decodeCredential(await readFile(path));
      const { parameters, halves } = newestEpoch(credential);
      const own = { id: client, signingKey: importSigningKey(credential.signingKey) };
      const documents = await readBundle(bundle);
      const [[documentPath, document] = []] = documents;
      if (!documentPath || !document) throw new Error("the bundle is empty");
      const place = { kind: "client", tenant: TENANT, client } as const;
      const { master } = tenant;
      const kmsPublicKey = importPublicKey(master.kmsPublicKey);
      const keys = { kmsPublicKey, bridgeKey: master.bridgeKey };
      const opened = openClientDocument({ path: documentPath, place, document, ...keys });
      if (opened.kind !== "client") throw new Error("the bundle has no enrolment first");
      const proxyHalves = wholeHalves(opened.halves.get(1));
      const known = { id: client, publicKey: importPublicKey(opened.enrolment.signingKey) };
      const role = { realm: REALM, parameters };
      const consumes = subscribe.length > 0;
      return {
        client: clientRole({ ...role, halves, consumer: consumes ? own : undefined }),
        proxy: { ...role, halves: proxyHalves, consumer: consumes ? known : undefined },
      };
    };
    const device = await enrolled("pi-01", [TOPIC], []);
    const desk = await enrolled("desk", [], [TOPIC]);
    const master = tenant.master.epochs[0]?.master;
    if (!master) throw new Error("the tenant has no epoch");
    const tag = ownerTag({ master, realm: REALM, topic: TOPIC });
    for (const { client, proxy } of [device, desk]) {
      const role = proxyRole(proxy);
      expect(tagOf(role.suite, REALM, role.transform(client.token(TOPIC)))).toEqual(tag);
    }
    const { ikm, wrapped } = device.client.wrap(randomBytes);
    expect(desk.client.unwrap(releaseRole(desk.proxy).release(wrapped))).toEqual(ikm);
    expect(() => releaseRole(device.proxy)).toThrow("no consumer");
  });
});

test.each(["p256", "hmac", "pki"] as const)("suite %s has no sizes", async (suite) => {
  await expect(makeTenant({ suite, bits: 3072 })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});
