import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../../core/scheme/bytes.ts";
import { MAX_TOKEN_BYTES } from "../../../core/scheme/suite.ts";
import { bytesField, topicField, topicName } from "../../../core/wire/fields.ts";
import { formatLogin, parseLogin, secretMatches } from "../../../core/wire/login.ts";
import {
  decodeAck,
  decodeRegistration,
  encodeAck,
  encodeRegistration,
  formatUpstream,
  parseUpstream,
} from "../../../core/wire/mqtt.ts";
import { defaultGroup, messageKey, partitionOf } from "../../../core/wire/store.ts";

describe("an upstream topic", () => {
  test("of each kind and alias comes back", () => {
    const topics = fc.record({
      kind: fc.constantFrom("reg" as const, "key" as const, "rec" as const),
      alias: fc.integer({ min: 1, max: 0xffff }),
    });
    fc.assert(
      fc.property(topics, (topic) => {
        expect(parseUpstream(formatUpstream(topic))).toEqual(topic);
      }),
    );
  });

  test.each([
    "v1/rec/0",
    "v1/rec/65536",
    "v1/rec/01",
    "v1/rec/",
    "v1/ack",
    "v1/rec/1/2",
    "v2/rec/1",
  ])("is not %s", (topic) => expect(parseUpstream(topic)).toBeNull());
});

describe("a registration", () => {
  test("comes back, and is refused when it holds no token", () => {
    const registration = { epoch: 0xffff_ffff, token: Buffer.from("token") };
    expect(decodeRegistration(encodeRegistration(registration))).toEqual(registration);
    expect(() => decodeRegistration(Buffer.alloc(4))).toThrow(/too short/);
    const longest = Buffer.alloc(4 + MAX_TOKEN_BYTES);
    expect(decodeRegistration(longest).token).toHaveLength(MAX_TOKEN_BYTES);
    expect(() => decodeRegistration(Buffer.alloc(longest.length + 1))).toThrow(/too long/);
  });
});

describe("an answer", () => {
  test.each([
    { alias: 1, status: "ok" },
    { alias: 65_535, status: "rekey" },
    { alias: 2, status: "refused", code: "NO_GRANT", message: "no grant" },
    {
      alias: 2,
      kid: Buffer.alloc(16, 7).toString("base64url"),
      seq: "18446744073709551615",
      status: "refused",
      code: "BAD_RECORD",
      message: "x",
    },
  ] as const)("%j is understood", (message) => {
    const ack = decodeAck(encodeAck(message));
    expect({ ...ack, kid: undefined }).toEqual({ ...message, kid: undefined });
  });

  test.each(['{"alias":0,"status":"ok"}', '{"alias":1,"status":"yes"}', "[]", "", '{"alias":1}'])(
    "%s is refused",
    (text) => expect(() => decodeAck(Buffer.from(text))).toThrow(),
  );
});

describe("names", () => {
  test("a login comes back; what is none is null", () => {
    const login = { client: "device-1", tenant: "acme" };
    expect(parseLogin(formatLogin(login))).toEqual(login);
    for (const text of ["device-1", "@acme", "a@b@c", "A@b", "a@", "a b@c"])
      expect(parseLogin(text)).toBeNull();
  });

  test("a secret matches only itself, in its canonical form", () => {
    const secret = Buffer.alloc(32, 1);
    const password = secret.toString("base64url");
    expect(secretMatches(password, sha256(secret))).toBe(true);
    expect(secretMatches(`${password}=`, sha256(secret))).toBe(false);
    expect(secretMatches("", sha256(secret))).toBe(false);
    expect(secretMatches("", sha256(Buffer.alloc(0)))).toBe(false);
  });

  test("a topic name is brought to NFC; control characters, emptiness and length are refused", () => {
    expect(topicName("cafe\u0301")).toBe("caf\u00e9");
    for (const text of ["", "a\u0000b", "a\u0085b", "x".repeat(1025), "\ud800"])
      expect(topicField.safeParse(text).success).toBe(false);
    expect(topicField.safeParse("x".repeat(1024)).success).toBe(true);
  });

  test("bytes in JSON have one spelling", () => {
    expect(bytesField(2).safeParse("AQI").data).toEqual(Buffer.of(1, 2));
    for (const text of ["AQI=", "AQJ", "A+I", "AQ"])
      expect(bytesField(2).safeParse(text).success).toBe(false);
  });
});

describe("what Kafka sees of a producer", () => {
  const bridgeKey = Buffer.alloc(32, 9);
  const tag = Buffer.alloc(32, 1);

  test("is one pseudonym for each topic, and a partition by its first four bytes", () => {
    const key = messageKey(bridgeKey, "device-1", tag);
    expect(key).toHaveLength(8);
    expect(messageKey(bridgeKey, "device-1", Buffer.alloc(32, 2))).not.toEqual(key);
    expect(messageKey(bridgeKey, "device-2", tag)).not.toEqual(key);
    expect(partitionOf(key, 7)).toBe(key.readUInt32BE(0) % 7);
  });

  test("is a group that tells nothing", () => {
    expect(defaultGroup(Buffer.alloc(32, 3))).toMatch(/^veil-[a-z2-7]{16}$/);
  });
});
