import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tagOfTopic } from "../../../bridge/http/topic-tag.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";

describe("tagOfTopic", () => {
  test("undoes kafkaTopicOf", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(tagOfTopic(kafkaTopicOf(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  const name = kafkaTopicOf(Buffer.alloc(32, 0xff));
  test.each([
    ["another prefix", name.replace("veil-", "evil-")],
    ["a capital", name.replace("7", "A")],
    ["a digit that base32 lacks", `${name.slice(0, -2)}1q`],
    ["stray last bits", `${name.slice(0, -1)}z`],
    ["one character less", name.slice(0, -1)],
    ["one character more", `${name}a`],
    ["nothing", "veil-"],
    ["an internal topic", "veil-i-abcdefghijklmnopqrstuvwxyz"],
  ])("refuses %s", (_, topic) => {
    expect(() => tagOfTopic(topic)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  });
});
