import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { findLeaks, needlesOf } from "../../demo/leaks.ts";

const CANARY = "field/4c1d9a/climate";

describe("the leak search", () => {
  const folder = mkdtempSync(join(tmpdir(), "leaks-"));
  const file = join(folder, "a.log");
  afterEach(() => rmSync(file, { force: true }));

  const encodings: [string, (bytes: Buffer) => string | Buffer][] = [
    ["utf8", (b) => b],
    ["hex", (b) => b.toString("hex")],
    ["HEX", (b) => b.toString("hex").toUpperCase()],
    ["base64", (b) => b.toString("base64")],
    ["base64url", (b) => b.toString("base64url")],
  ];

  test.each(encodings)("finds a canary stored as %s behind any bytes", async (_form, encode) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        async (before, after) => {
          writeFileSync(file, encode(Buffer.concat([before, Buffer.from(CANARY), after])));
          expect((await findLeaks([folder], [CANARY])).leaks).not.toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("finds a canary across the border of two chunks", async () => {
    writeFileSync(file, Buffer.concat([Buffer.alloc(2 ** 20 - 7), Buffer.from(CANARY)]));
    expect((await findLeaks([folder], [CANARY])).leaks).toHaveLength(1);
  });

  test("finds nothing where there is nothing", async () => {
    writeFileSync(file, CANARY.slice(1));
    const { leaks, files, bytes } = await findLeaks([folder], [CANARY]);
    expect({ leaks, files, bytes }).toEqual({ leaks: [], files: 1, bytes: CANARY.length - 1 });
  });

  test("refuses a canary that could turn up by chance", () => {
    expect(() => needlesOf("short")).toThrow(/at least 12/);
  });
});
