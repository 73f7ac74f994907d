import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PacketGuard } from "../../../../core/ports/mqtt/server-guard.ts";
import { connectPacket, publishPacket } from "./raw-client.ts";

const LIMITS = { maxConnectBytes: 200, maxPublishBytes: 1000, maxControlBytes: 200 };

function inspectAll(chunks: readonly Uint8Array[], openAfter = 1) {
  const guard = new PacketGuard(LIMITS);
  for (const [index, chunk] of chunks.entries()) {
    if (index === openAfter) guard.open();
    const problem = guard.inspect(chunk);
    if (problem) return problem;
  }
  return undefined;
}

describe("PacketGuard", () => {
  it("wants CONNECT first", () => {
    expect(inspectAll([publishPacket({ topic: "t", payload: "x" })])).toBe("not-connect");
  });

  it("judges a claimed length before a byte of the body has come", () => {
    expect(inspectAll([Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f])])).toBe("packet-size");
    expect(inspectAll([Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff])])).toBe("malformed");
  });

  it("lets a client publish more once it is authenticated, and nothing else", () => {
    const publish = publishPacket({ topic: "t", payload: Buffer.alloc(900) });
    expect(inspectAll([connectPacket(), publish])).toBeUndefined();
    expect(inspectAll([connectPacket(), publish], 2)).toBe("packet-size");
    expect(inspectAll([connectPacket(), Buffer.from([0x82, 0xff, 0x01])])).toBe("packet-size");
  });

  it("draws the line at the whole packet's size", () => {
    const sized = (payload: number) =>
      publishPacket({ topic: "t", payload: Buffer.alloc(payload) });
    const overhead = sized(900).length - 900;
    expect(inspectAll([connectPacket(), sized(1000 - overhead)])).toBeUndefined();
    expect(inspectAll([connectPacket(), sized(1001 - overhead)])).toBe("packet-size");
  });

  it("says the same however the bytes are cut", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 1100 }), { maxLength: 6 });
    const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sizes, cuts, (payloads, lengths) => {
        const publishes = payloads.map((size) =>
          publishPacket({ topic: "t", payload: Buffer.alloc(size) }),
        );
        const bytes = Buffer.concat(publishes);
        const pieces: Buffer[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = lengths[i % lengths.length] ?? 1;
          pieces.push(bytes.subarray(at, at + length));
          at += length;
        }
        const tooLarge = publishes.some(({ length }) => length > LIMITS.maxPublishBytes);
        expect(inspectAll([connectPacket(), ...pieces])).toBe(tooLarge ? "packet-size" : undefined);
      }),
    );
  });
});
