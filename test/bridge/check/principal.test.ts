import { expect, test } from "vitest";
import { principalOf } from "../../../bridge/check/principal.ts";

const CERT = "test/support/certificate/bridge-at-kafka.pem";

test("a bridge is what its certificate says, as Kafka writes it", async () => {
  const tls = { cert: CERT, key: "unread" };
  expect(await principalOf({ tls })).toBe("User:CN=bridge-1,OU=Ingest,O=Acme\\, Inc.,C=DE");
});

test("a login with SASL goes before the certificate, and without either there is no name", async () => {
  const sasl = { mechanism: "plain", username: "bridge", passwordFile: "unread" } as const;
  expect(await principalOf({ sasl, tls: { cert: CERT, key: "unread" } })).toBe("User:bridge");
  expect(await principalOf({ tls: {} })).toBeNull();
  expect(await principalOf({})).toBeNull();
});
