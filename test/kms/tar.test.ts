import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FileToPack, pack, unpack } from "../../kms/backup/tar.ts";

interface Entry {
  readonly path: string;
  readonly content: Uint8Array;
}

async function* filesOf(entries: readonly Entry[]): AsyncGenerator<FileToPack> {
  for (const { path, content } of entries)
    yield { path, mode: 0o600, modifiedAtMs: 0, bytes: content.length, content: [content] };
}

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

/** `bytes` in pieces of `size`. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const name = fc.stringMatching(/^[a-z0-9._-]{1,90}$/);
const entry = fc.record({
  path: fc.oneof(
    name,
    fc.tuple(name, name).map((parts) => parts.join("/")),
  ),
  content: fc.uint8Array({ maxLength: 1_500 }),
});

describe("an archive", () => {
  test("gives back what was packed, however it is cut into pieces", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 4 }),
        fc.integer({ min: 1, max: 2_000 }),
        async (entries, size) => {
          const archive = await bytesOf(pack(filesOf(entries)));
          const found: Entry[] = [];
          for await (const { path, content } of unpack(pieces(archive, size)))
            found.push({ path, content: new Uint8Array(await bytesOf(content)) });
          expect(archive.length % 512).toBe(0);
          expect(found).toEqual(
            entries.map(({ path, content }) => ({ path, content: new Uint8Array(content) })),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  test("skips what is not read", async () => {
    const entries = ["a", "b", "c"].map((path) => ({ path, content: Buffer.alloc(700, path) }));
    const archive = await bytesOf(pack(filesOf(entries)));
    const paths: string[] = [];
    for await (const { path } of unpack(pieces(archive, 100))) paths.push(path);
    expect(paths).toEqual(["a", "b", "c"]);
  });

  test("that is cut off is refused", async () => {
    const archive = await bytesOf(pack(filesOf([{ path: "a", content: Buffer.alloc(700) }])));
    const read = async (): Promise<void> => {
      for await (const { content } of unpack(pieces(archive.subarray(0, 1_000), 512)))
        await bytesOf(content);
    };
    await expect(read()).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
  });

  test.each(["", "a b", "é", "x".repeat(101), `${"x".repeat(160)}/a`])(
    "has no room for the path %j",
    async (path) => {
      await expect(bytesOf(pack(filesOf([{ path, content: Buffer.of() }])))).rejects.toMatchObject({
        code: "BAD_ARGUMENT",
      });
    },
  );

  test.each([0, 2])("refuses a file that is %i bytes, and said 1", async (length) => {
    async function* changing(): AsyncGenerator<FileToPack> {
      yield { path: "a", mode: 0o600, modifiedAtMs: 0, bytes: 1, content: [Buffer.alloc(length)] };
    }
    await expect(bytesOf(pack(changing()))).rejects.toMatchObject({ code: "CONFLICT" });
  });
});
