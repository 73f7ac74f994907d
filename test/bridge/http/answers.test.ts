import { expect, test } from "vitest";
import { errorAnswer } from "../../../bridge/http/answers.ts";
import { VeilError } from "../../../core/errors.ts";

test.each([
  ["BAD_TOKEN", 400],
  ["AUTH", 401],
  ["REVOKED", 403],
  ["NOT_FOUND", 404],
  ["ROLLED_BACK", 409],
  ["TOO_LARGE", 413],
  ["LIMIT", 429],
  ["UNAVAILABLE", 503],
  ["INTERNAL", 500],
] as const)("%s answers %i, with its sentence", (code, status) => {
  expect(errorAnswer(new VeilError(code, "a sentence"))).toEqual({
    status,
    body: { code, message: "a sentence" },
  });
});

test("an unforeseen error says nothing of itself", () => {
  const answer = errorAnswer(new TypeError("canary"));
  expect(answer.status).toBe(500);
  expect(JSON.stringify(answer)).not.toContain("canary");
});
