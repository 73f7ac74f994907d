import { access, link, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { exportOutbox, importOutbox } from "../../../../agent/device/outbox/transfer.ts";
import { testFolder } from "../../../support/folder.ts";
import { A, B, openOutbox, record, texts, unsent } from "./fixture.ts";

const OWNER = { tenant: "acme", client: "pi-01" };

async function exported(): Promise<{ folder: string; path: string }> {
  const folder = await testFolder();
  const outbox = await openOutbox(join(folder, "from"));
  await outbox.append([record(A, "a1"), record(A, "a2"), record(B, "b1")]);
  const path = join(folder, "carried");
  expect(await exportOutbox(outbox, path, OWNER)).toBe(3);
  return { folder, path };
}

test("what waits is carried to another outbox, in order", async () => {
  const { folder, path } = await exported();
  const outbox = await openOutbox(join(folder, "to"));
  expect(await importOutbox(outbox, path, OWNER)).toBe(3);
  expect(texts(await unsent(outbox, A))).toEqual(["a1", "a2"]);
  expect(texts(await unsent(outbox, B))).toEqual(["b1"]);
});

test("an outbox of which something is damaged is carried without it", async () => {
  const folder = await testFolder();
  const small = { segmentBytes: 512, maxBytes: 2 ** 20 };
  const outbox = await openOutbox(folder, small);
  for (let i = 1; i <= 40; i++) await outbox.append([record(A, `${i}`)]);
  await outbox.stop();
  const [, name = ""] = (await readdir(join(folder, "outbox"))).sort();
  const segment = join(folder, "outbox", name);
  await writeFile(segment, (await readFile(segment)).fill(0x55, 60, 90));
  const path = join(folder, "carried");
  const entries = await exportOutbox(await openOutbox(folder, small), path, OWNER);
  expect(entries).toBeLessThan(40);
  const to = await openOutbox(join(folder, "to"));
  expect(await importOutbox(to, path, OWNER)).toBe(entries);
  expect(await unsent(to, A)).toHaveLength(entries);
});

test("a file that was cut between two pieces is told from a whole one", async () => {
  const { folder, path } = await exported();
  const bytes = await readFile(path);
  const first = bytes.indexOf("\n", "VEILMQ-OUTBOX 1\n".length) + 1;
  const end = first + 4 + bytes.readUInt32BE(first);
  expect(end).toBeLessThan(bytes.length);
  await writeFile(path, bytes.subarray(0, end));
  const outbox = await openOutbox(join(folder, "to"));
  await expect(importOutbox(outbox, path, OWNER)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
});

/** FAT, on a USB stick. */
async function noLinks(): Promise<void> {
  throw Object.assign(new Error("no links here"), { code: "EPERM" });
}

test.each([
  ["with links", link],
  ["without", noLinks],
])(
  "on a file system %s an export takes no other file's place, and leaves nothing unfinished",
  async (_, makeLink) => {
    const { folder, path } = await exported();
    const before = await readFile(path);
    const outbox = await openOutbox(join(folder, "other"));
    await expect(exportOutbox(outbox, path, OWNER, makeLink)).rejects.toMatchObject({
      code: "CONFIG",
    });
    expect(await readFile(path)).toEqual(before);
    await expect(access(`${path}.part`)).rejects.toThrow();
    const other = join(folder, "other-carried");
    expect(await exportOutbox(outbox, other, OWNER, makeLink)).toBe(0);
    expect(await importOutbox(outbox, other, OWNER)).toBe(0);
  },
);
