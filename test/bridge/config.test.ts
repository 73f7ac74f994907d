import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bridgeConfigSchema, loadBridgeConfig } from "../../bridge/config.ts";
import { parseConfig } from "../../core/runtime/config.ts";
import { testFolder } from "../support/folder.ts";

const KEY = Buffer.alloc(32, 1).toString("base64url");
const SMALLEST = `
zookeeper: { servers: ["127.0.0.1:2181"] }
stateDir: state
identityFile: bridge.age
tenants: [{ name: acme, kmsPublicKey: ${KEY} }]
`;

const parse = (text: string) => parseConfig(text, bridgeConfigSchema, "bridge.yaml");

describe("bridge.yaml", () => {
  test("the smallest one listens on loopback alone", () => {
    const config = parse(SMALLEST);
    expect([config.mqtt, config.http, config.admin].map(({ host }) => host)).toEqual([
      "127.0.0.1",
      "127.0.0.1",
      "127.0.0.1",
    ]);
    expect(config.directoryMaxAgeMs).toBe(600_000);
    expect(config.tenants[0]?.kmsPublicKey).toHaveLength(32);
  });

  test.each(["mqtt: { host: 0.0.0.0 }", "http: { host: bridge.example }", 'admin: { host: "::" }'])(
    "plaintext off loopback is refused: %s",
    (line) => {
      expect(() => parse(`${SMALLEST}${line}\n`)).toThrow(/host: is not loopback/);
    },
  );

  test.each([
    "mqtt: { host: 0.0.0.0, insecurePlaintext: true }",
    "http: { host: 0.0.0.0, tls: { cert: a, key: b } }",
    'admin: { host: "::1", port: 0 }',
    "mqtt: { host: 127.1.2.3 }",
  ])("and taken where it is asked for, guarded or local: %s", (line) => {
    expect(() => parse(`${SMALLEST}${line}\n`)).not.toThrow();
  });

  test("all problems come at once, each with its line and field", () => {
    const text = `mqtt: { host: 0.0.0.0, prot: 1 }
http: { port: 70000 }
zookeeper: { servers: ["nohost"] }
kafka: { listner: x }
stateDir: state
tenants:
  - { name: Acme, kmsPublicKey: abc }
colour: red
`;
    let message = "";
    try {
      parse(text);
    } catch (error) {
      message = error instanceof Error ? error.message : "";
    }
    for (const expected of [
      /:1: mqtt\.prot: /,
      /:1: mqtt\.host: is not loopback/,
      /:2: http\.port: /,
      /:3: zookeeper\.servers\.0: must be host:port/,
      /:4: kafka\.listner: /,
      /identityFile/,
      /:7: tenants\.0\.name: /,
      /:7: tenants\.0\.kmsPublicKey: /,
      /colour/,
    ])
      expect(message).toMatch(expected);
  });

  test("a tenant comes once", () => {
    const text = SMALLEST.replace("tenants: [", `tenants: [{ name: acme, kmsPublicKey: ${KEY} }, `);
    expect(() => parse(text)).toThrow(/tenants\.1\.name: is there twice/);
  });

  test("paths are relative to the file", async () => {
    const folder = await testFolder();
    const path = join(folder, "bridge.yaml");
    const tls = "http: { host: 0.0.0.0, tls: { cert: c.pem, key: /k.pem } }";
    await writeFile(path, `${SMALLEST}${tls}\n`);
    const config = await loadBridgeConfig(path);
    expect(config.stateDir).toBe(join(folder, "state"));
    expect(config.identityFile).toBe(join(folder, "bridge.age"));
    expect(config.http.tls).toEqual({ cert: join(folder, "c.pem"), key: "/k.pem" });
  });
});
