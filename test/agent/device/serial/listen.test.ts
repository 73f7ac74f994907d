import { expect, test } from "vitest";
import { FixedFramer } from "../../../../agent/device/framing/fixed.ts";
import { listen } from "../../../../agent/device/serial/listen.ts";
import { VeilError } from "../../../../core/errors.ts";

test("a frame that waits for what follows it is not lost when the device is unplugged", async () => {
  const framer = new FixedFramer({
    header: Buffer.from("aa55", "hex"),
    length: 4,
    checksum: { type: "sum8", endian: "big", at: 3, from: 2, to: 3 },
  });
  const heard: string[] = [];
  const serving = listen({
    framer,
    onFrames: async (frames) =>
      void heard.push(...frames.map(({ bytes }) => bytes.toString("hex"))),
  })({
    path: "port",
    closed: Promise.resolve(null),
    bytes: (async function* () {
      yield Buffer.from("aa550707", "hex");
      yield Buffer.from("aa55aaaa", "hex");
      throw new VeilError("DISCONNECTED", "the port hung up");
    })(),
    write: async () => undefined,
    close: async () => undefined,
  });
  await expect(serving).rejects.toMatchObject({ code: "DISCONNECTED" });
  expect(heard).toEqual(["aa550707", "aa55aaaa"]);
});
