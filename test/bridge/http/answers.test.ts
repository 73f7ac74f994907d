import { expect, test } from "vitest";
import { errorAnswer } from "../../../bridge/http/answers.ts";
import { VeilError } from "../../../core/errors.ts";

test.each([
  ["BAD_TOKEN", 400, false],
  ["AUTH", 401, false],
  ["REVOKED", 403, false],
  ["NOT_FOUND", 404, false],
  ["ROLLED_BACK", 409, false],
  ["TOO_LARGE", 413, false],
  ["LIMIT", 429, true],
  ["UNAVAILABLE", 503, true],
  ["INTERNAL", 500, false],
] as const)(
  "%s answers %i, with its sentence and whether to ask again: %s",
  (code, status, retryable) => {
    expect(errorAnswer(new VeilError(code, "a sentence"))).toEqual({
      status,
      body: { code, message: "a sentence", retryable },
    });
  },
);

test("a hint goes with it where there is one", () => {
  const { body } = errorAnswer(new VeilError("AUTH", "a sentence", { hint: "look there" }));
  expect(body).toEqual({
    code: "AUTH",
    message: "a sentence",
    retryable: false,
    hint: "look there",
  });
});

test("an unforeseen error says nothing of itself", () => {
  const answer = errorAnswer(new TypeError("canary"));
  expect(answer.status).toBe(500);
  expect(JSON.stringify(answer)).not.toContain("canary");
});
