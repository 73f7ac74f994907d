import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  clientPath,
  documentKindOf,
  encodeBundle,
  grantsPath,
  headPath,
  mailPath,
  parseDocumentPath,
} from "../../../core/wire/directory.ts";
import {
  openDocument,
  openSealed,
  sealForBridge,
  signDocument,
  verifyDocument,
} from "../../../core/wire/document.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../../core/wire/keys.ts";
import { InternalStore } from "../../../core/wire/store.ts";

const pair = generateSigningKey();
const kms = importSigningKey(pair.seed);
const kmsPublicKey = importPublicKey(pair.publicKey);
const PATH = clientPath("acme", "device-1");
const schema = z.strictObject({ serial: z.number() });

describe("a signed document", () => {
  const document = signDocument("enrol", PATH, { serial: 3 }, kms);

  test("opens where it was found", () => {
    expect(openDocument("enrol", PATH, document, { kmsPublicKey, schema })).toEqual({ serial: 3 });
  });

  test("is refused at another path, of another kind, of another KMS", () => {
    const other = importPublicKey(generateSigningKey().publicKey);
    const elsewhere = clientPath("other", "device-1");
    expect(() => verifyDocument("enrol", elsewhere, document, kmsPublicKey)).toThrow(/not signed/);
    expect(() => verifyDocument("cert", PATH, document, kmsPublicKey)).toThrow(/not signed/);
    expect(() => verifyDocument("enrol", PATH, document, other)).toThrow(/not signed/);
  });

  test("is refused with any bit changed, before it is parsed", () => {
    fc.assert(
      fc.property(fc.nat(document.length * 8 - 1), (bit) => {
        const changed = Buffer.from(document);
        changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        expect(() => verifyDocument("enrol", PATH, changed, kmsPublicKey)).toThrow(/not signed/);
      }),
    );
  });

  test("names wrong fields and not their values", () => {
    const wrong = signDocument("enrol", PATH, { serial: "topic-canary", extra: 1 }, kms);
    expect(() => openDocument("enrol", PATH, wrong, { kmsPublicKey, schema })).toThrow(
      expect.objectContaining({
        code: "BAD_DOCUMENT",
        message: expect.not.stringContaining("canary"),
      }),
    );
  });
});

describe("a sealed part", () => {
  const bridgeKey = randomBytes(32);
  const sealed = sealForBridge(bridgeKey, PATH, Buffer.from("halves"), randomBytes);

  test("opens for its bridge and path alone", () => {
    expect(openSealed(bridgeKey, PATH, sealed).toString()).toBe("halves");
    const elsewhere = clientPath("acme", "device-2");
    expect(() => openSealed(bridgeKey, elsewhere, sealed)).toThrow(/does not open/);
    expect(() => openSealed(randomBytes(32), PATH, sealed)).toThrow(/does not open/);
    expect(() => openSealed(bridgeKey, PATH, sealed.subarray(0, 20))).toThrow(/too short/);
  });

  test("of an internal topic opens under its own entry key alone", () => {
    const store = new InternalStore(bridgeKey);
    const key = store.entryKey(1, Buffer.from("a"));
    const value = store.seal(key, Buffer.from("x"), randomBytes);
    expect(store.open(key, value).toString()).toBe("x");
    expect(() => store.open(store.entryKey(2, Buffer.from("a")), value)).toThrow(/does not open/);
    expect(store.topicName(1)).toMatch(/^veil-i-[a-z2-7]{26}$/);
    expect(store.topicName(1)).not.toBe(store.topicName(2));
  });
});

describe("a document's path", () => {
  test("tells what lies there", () => {
    const places = [headPath("a"), PATH, grantsPath("a", "b", 2), mailPath("a", "b", 7)];
    expect(places.map(parseDocumentPath)).toEqual([
      { kind: "head", tenant: "a" },
      { kind: "client", tenant: "acme", client: "device-1" },
      { kind: "grants", tenant: "a", client: "b", chunk: 2 },
      { kind: "mail", tenant: "a", client: "b", number: 7 },
    ]);
    expect(documentKindOf(parseDocumentPath(grantsPath("a", "b", 2)))).toBe("enrol");
  });

  test.each([
    "/veilmq/a",
    "/veilmq/A/head",
    "/veilmq/a/clients/../head",
    "/veilmq/a/clients/b/g01",
    "/brokers/ids/1",
    "/veilmq/a/clients/b/cert/x",
    "veilmq/a/head",
  ])("refuses %s", (path) => {
    expect(() => parseDocumentPath(path)).toThrow(/no document/);
  });

  test("goes into a bundle as text", () => {
    expect(JSON.parse(encodeBundle([{ path: PATH, document: Buffer.of(1, 2) }]))).toEqual({
      veilmq: "documents",
      version: 1,
      documents: [{ path: PATH, document: "AQI" }],
    });
  });
});
