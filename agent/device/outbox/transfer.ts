/**
 * What waits in an outbox, in a file: for a device that is far from any network, whose readings are carried to where one
 * is. Everything in it is sealed as it is in the outbox.
 *
 *   VEILMQ-OUTBOX 1\n  JSON: {tenant, client, entries}\n  then, again and again, length(4) ‖ a segment (codec.ts)
 *
 * The outbox that it came from keeps all of it: consumers drop repeats, and nobody has to remember what was carried.
 */
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { VeilError } from "../../../core/errors.ts";
import { syncFolder } from "../../../core/runtime/files.ts";
import { cannotMake } from "../../../core/runtime/why-not.ts";
import type { OutboxReader, OutboxWriter } from "./api.ts";
import { encodeBatch, scanSegment, segmentHeader } from "./codec.ts";
import type { StoredEntry } from "./entry.ts";

const MAGIC = "VEILMQ-OUTBOX 1\n";
const MAX_HEAD_BYTES = 4096;
const LENGTH_BYTES = 4;
/** Entries that are read and written together. */
const BATCH = 500;
/** 500 entries of at most 128 KiB, and their frames. */
const MAX_PIECE_BYTES = 80 * 2 ** 20;

/** What a file system answers that has no links, such as FAT, which is on most of what is carried about. */
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOSYS", "ENOTSUP"]);

const headSchema = z.strictObject({
  tenant: z.string(),
  client: z.string(),
  entries: z.int().min(0),
});
export type TransferHead = z.output<typeof headSchema>;

/**
 * Writes all that waits to the new file `path`; how many entries. Throws CONFIG where it exists. Until it is whole it has
 * no name: `path` never holds a part. `makeLink` is for tests: that of a file system that has none.
 */
export async function exportOutbox(
  outbox: OutboxReader,
  path: string,
  owner: Omit<TransferHead, "entries">,
  makeLink: typeof link = link,
): Promise<number> {
  const unfinished = `${path}.part`;
  const file = await open(unfinished, "w", 0o600).catch(refuseExport(path));
  try {
    const entries = await writeAll(file, outbox, owner);
    await giveName(unfinished, path, makeLink).catch(refuseExport(path));
    await syncFolder(dirname(path));
    return entries;
  } finally {
    await file.close();
    await rm(unfinished, { force: true });
  }
}

/** As a link, since a rename would take the place of a file that is there; of one of our own where there are no links. */
async function giveName(unfinished: string, path: string, makeLink: typeof link): Promise<void> {
  try {
    await makeLink(unfinished, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && NO_LINKS.has(error.code))) throw error;
    await (await open(path, "wx", 0o600)).close();
    await rename(unfinished, path);
  }
}

function refuseExport(path: string): (cause: unknown) => never {
  return (cause) => {
    throw cannotMake(path, cause, { code: "CONFIG", ifTaken: "an export is not overwritten" });
  };
}

async function writeAll(
  file: FileHandle,
  outbox: OutboxReader,
  owner: Omit<TransferHead, "entries">,
): Promise<number> {
  // What is damaged is known, and counted no more, when all has been read once.
  for await (const _ of batches(outbox));
  const head: TransferHead = { ...owner, entries: outbox.depth };
  await file.appendFile(`${MAGIC}${JSON.stringify(head)}\n`);
  let entries = 0;
  for await (const batch of batches(outbox)) {
    await appendPiece(file, batch);
    entries += batch.length;
  }
  if (entries !== head.entries)
    throw new VeilError("INTERNAL", `of ${head.entries} entries ${entries} were exported`);
  await file.sync();
  return entries;
}

/** All that waits, stream by stream. */
async function* batches(outbox: OutboxReader): AsyncGenerator<StoredEntry[]> {
  for (const { stream, acknowledged } of outbox.streams()) {
    let after = acknowledged;
    for (;;) {
      const batch = await outbox.next(stream, after, BATCH);
      const last = batch.at(-1);
      if (!last) break;
      yield batch;
      after = last.sequence;
    }
  }
}

async function appendPiece(file: FileHandle, batch: readonly StoredEntry[]): Promise<void> {
  const segment = Buffer.concat([segmentHeader(), encodeBatch(batch, [])]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(segment.length);
  await file.appendFile(Buffer.concat([length, segment]));
}

/** Puts what the file holds behind what waits; how many entries. Throws BAD_DOCUMENT, BAD_CREDENTIAL, as `append`. */
export async function importOutbox(
  outbox: OutboxWriter,
  path: string,
  owner: Omit<TransferHead, "entries">,
): Promise<number> {
  const file = await open(path, "r");
  try {
    const { head, end } = await readHead(file, path);
    if (head.tenant !== owner.tenant || head.client !== owner.client)
      throw new VeilError("BAD_CREDENTIAL", `${path} is of ${head.client} of ${head.tenant}`, {
        hint: "only a client with its credential can send it",
      });
    let [entries, at] = [0, end];
    for (;;) {
      const segment = await readPiece(file, at, path);
      if (!segment) {
        if (entries < head.entries) throw damaged(path);
        return entries;
      }
      const { entries: found, goodBytes, damagedBytes } = scanSegment(segment);
      if (goodBytes < segment.length || damagedBytes > 0) throw damaged(path);
      await outbox.append(found.map(({ stream, kind, payload }) => ({ stream, kind, payload })));
      entries += found.length;
      at += LENGTH_BYTES + segment.length;
    }
  } finally {
    await file.close();
  }
}

async function readHead(
  file: FileHandle,
  path: string,
): Promise<{ head: TransferHead; end: number }> {
  const bytes = await readAt(file, 0, MAX_HEAD_BYTES);
  const end = bytes.indexOf("\n", MAGIC.length) + 1;
  if (end === 0 || bytes.toString("utf8", 0, MAGIC.length) !== MAGIC) throw damaged(path);
  try {
    return { head: headSchema.parse(JSON.parse(bytes.toString("utf8", MAGIC.length, end))), end };
  } catch {
    throw damaged(path);
  }
}

/** null at the file's end. */
async function readPiece(file: FileHandle, at: number, path: string): Promise<Buffer | null> {
  const prefix = await readAt(file, at, LENGTH_BYTES);
  if (prefix.length === 0) return null;
  const length = prefix.length === LENGTH_BYTES ? prefix.readUInt32BE() : 0;
  if (length === 0 || length > MAX_PIECE_BYTES) throw damaged(path);
  const segment = await readAt(file, at + LENGTH_BYTES, length);
  if (segment.length < length) throw damaged(path);
  return segment;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function damaged(path: string): VeilError {
  return new VeilError("BAD_DOCUMENT", `${path} is no export of an outbox, or is cut off`, {
    hint: "what came before the damage is in the outbox; export again for the rest",
  });
}
