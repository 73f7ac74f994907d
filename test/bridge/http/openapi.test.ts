import { expect, test } from "vitest";
import { z } from "zod";
import { describeApi } from "../../../bridge/http/openapi.ts";

const operation = z.looseObject({
  security: z.array(z.unknown()),
  requestBody: z
    .object({ content: z.record(z.string(), z.unknown()) })
    .loose()
    .optional(),
  responses: z.record(z.string(), z.looseObject({ description: z.string() })),
});
const description = z
  .looseObject({
    openapi: z.literal("3.1.0"),
    paths: z.record(z.string(), z.partialRecord(z.enum(["get", "post", "delete"]), operation)),
  })
  .parse(JSON.parse(JSON.stringify(describeApi("1.2.3"))));

test("describes every operation, with whom it asks to log in", () => {
  const found = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => `${method} ${path} ${one?.security.length}`),
  );
  expect(found.sort()).toEqual([
    "delete /v1/mail/{number} 1",
    "get /v1/brokers 1",
    "get /v1/mail 1",
    "get /v1/openapi.json 0",
    "get /v1/status 1",
    "post /v1/import 0",
    "post /v1/keys 1",
    "post /v1/match 1",
  ]);
});

test("gives the schemas themselves: fields, patterns, bounds", () => {
  const keys = description.paths["/v1/keys"]?.post;
  expect(keys?.requestBody?.content["application/json"]).toMatchObject({
    schema: {
      type: "object",
      additionalProperties: false,
      required: ["topic_name", "kids"],
      properties: {
        topic_name: { type: "string", pattern: "^veil-[a-z2-7]{52}$" },
        kids: { type: "array", minItems: 1, maxItems: 256, items: { type: "string" } },
      },
    },
  });
  expect(Object.keys(keys?.responses ?? {}).sort()).toEqual([
    "200",
    "400",
    "401",
    "403",
    "404",
    "429",
    "503",
  ]);
});
