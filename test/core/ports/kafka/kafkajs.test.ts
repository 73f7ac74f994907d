/** kafkajs's private parts are used: another version of it must be refused before any of them is called. */
import { createRequire } from "node:module";
import { expect, onTestFinished, test, vi } from "vitest";

test("another version than the one whose private parts are known is refused", async () => {
  const load = createRequire(import.meta.url);
  const loaded = (id: string): unknown =>
    id === "kafkajs/package.json" ? { version: "2.2.5" } : load(id);
  vi.doMock("node:module", () => ({ createRequire: () => loaded }));
  onTestFinished(() => void vi.doUnmock("node:module"));
  await expect(import("../../../../core/ports/kafka/kafkajs.ts")).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining("2.2.5"),
  });
});
