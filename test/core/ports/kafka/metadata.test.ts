import { expect, test } from "vitest";
import { metadataProtocol } from "../../../../core/ports/kafka/metadata.ts";

async function encoded(topics: readonly string[]): Promise<string> {
  const { buffer } = await metadataProtocol(topics).request.encode();
  return buffer.toString("hex");
}

test("asks for the named topics alone, and never has a broker make one", async () => {
  // count(4) length(2) "t" allowAutoTopicCreation(1) = false
  expect(await encoded(["t"])).toBe("00000001000174" + "00");
});

test("an empty list asks for no topic, where a null one would ask for all", async () => {
  expect(await encoded([])).toBe("00000000" + "00");
});
