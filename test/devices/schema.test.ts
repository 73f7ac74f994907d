/** The published JSON Schema of profiles is the one that the agent checks them with. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { profileJsonSchema } from "../../agent/device/profile/profile.ts";

test("devices/profile.schema.json is up to date", async () => {
  const published: unknown = JSON.parse(await readFile("devices/profile.schema.json", "utf8"));
  // If not: npm run -s build && node dist/cli/main.js agent profile-schema >devices/profile.schema.json && npm run format
  expect(published).toEqual(JSON.parse(JSON.stringify(profileJsonSchema())));
});
