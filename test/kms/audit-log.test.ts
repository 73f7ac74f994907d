import {
  appendFile,
  copyFile,
  type FileHandle,
  open,
  readFile,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AuditLine, LogTail } from "../../kms/audit-log.ts";
import { openTenant, type Tenant } from "../../kms/tenant.ts";
import { makeTenant } from "./fixture.ts";

let tenant: Tenant;

beforeEach(async () => {
  tenant = await openTenant(await makeTenant({ suite: "p256" }));
});

async function allLines({ audit }: Tenant): Promise<AuditLine[]> {
  const lines: AuditLine[] = [];
  for await (const line of audit.read()) lines.push(line);
  return lines;
}

function append(...clients: string[]): Promise<void> {
  return tenant.audit.append(
    clients.map((client, index) => ({ op: "enrol" as const, client, serial: index + 2 })),
  );
}

describe("the audit log", () => {
  test("tells what was done, in its order", async () => {
    await append("a", "b");
    await tenant.audit.append([{ op: "export", serial: 4 }]);
    const lines = await allLines(tenant);
    expect(lines.map(({ n, op, client }) => [n, op, client])).toEqual([
      [1, "init", undefined],
      [2, "enrol", "a"],
      [3, "enrol", "b"],
      [4, "export", undefined],
    ]);
    expect(lines[0]).toMatchObject({ serial: 1, bundle: "000000000001-head.json" });
  });

  test("does not read with any byte changed, and names the line", async () => {
    await append("a", "b", "c");
    const path = tenant.layout.auditLog;
    const log = await readFile(path);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(log.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const changed = Buffer.from(log);
          changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
          await writeFile(path, changed);
          await expect(allLines(tenant)).rejects.toMatchObject({
            code: "BAD_DOCUMENT",
            message: expect.stringMatching(/: (line \d was changed|lines are missing at the end)$/),
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  test("shows a line that was cut off, taken out, or put in twice", async () => {
    await append("a", "b");
    const path = tenant.layout.auditLog;
    const lines = (await readFile(path, "utf8")).split("\n");
    for (const changed of [
      lines.toSpliced(-2, 1),
      lines.toSpliced(1, 1),
      lines.toSpliced(1, 0, lines[1] ?? ""),
      lines.toReversed(),
    ]) {
      await writeFile(path, changed.join("\n"));
      await expect(allLines(tenant)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    }
  });

  test("is of one tenant", async () => {
    const other = await openTenant(await makeTenant({ suite: "p256" }));
    await copyFile(other.layout.auditLog, tenant.layout.auditLog);
    await expect(allLines(tenant)).rejects.toMatchObject({ message: /line 1 was changed/ });
  });

  test("is missed where it or its head is gone", async () => {
    const told = join(tenant.layout.state, "told");
    const whole = await readFile(told);
    await rm(told);
    await expect(allLines(tenant)).rejects.toMatchObject({ message: /state\/told, .* is missing/ });
    await writeFile(told, whole);
    await rm(join(tenant.layout.state, "audit"));
    await expect(allLines(tenant)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
    await rm(tenant.layout.auditLog);
    await expect(append("a")).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
  });
});

describe("after a kill", () => {
  test("before the head has moved, the lines beyond it count", async () => {
    const head = join(tenant.layout.state, "audit");
    const before = await readFile(head);
    await append("a", "b");
    await writeFile(head, before);
    expect(await allLines(tenant)).toHaveLength(3);
    await append("c");
    expect((await allLines(tenant)).map(({ client }) => client)).toEqual([
      undefined,
      "a",
      "b",
      "c",
    ]);
  });

  test("in the middle of a line, it is cut off by the next one", async () => {
    const heads = ["audit", "told"].map((name) => join(tenant.layout.state, name));
    const before = await Promise.all(heads.map((path) => readFile(path)));
    const { auditLog } = tenant.layout;
    await append("a", "b");
    await truncate(auditLog, (await readFile(auditLog)).length - 10);
    for (const [index, path] of heads.entries()) await writeFile(path, before[index] ?? "");
    expect(await allLines(tenant)).toHaveLength(2);
    await append("c");
    expect((await allLines(tenant)).map(({ client }) => client)).toEqual([undefined, "a", "c"]);
  });

  test("a line beyond the head that nobody with the key wrote is not taken over", async () => {
    const last = (await readFile(tenant.layout.auditLog, "utf8")).split("\n")[0];
    await appendFile(tenant.layout.auditLog, `${last}\n`);
    await expect(append("a")).rejects.toMatchObject({ message: /line 2 was changed/ });
  });
});

describe("what follows the last whole line", () => {
  /** What `kms verify` is told of it, where the serial of the next line has been taken, or has not. */
  async function tailAfter(tail: string, taken: boolean): Promise<LogTail> {
    if (taken) await tenant.state.takeSerials();
    await appendFile(tenant.layout.auditLog, tail);
    const lines = tenant.audit.read();
    for (;;) {
      const { done, value } = await lines.next();
      if (done) return value;
    }
  }

  const line = '{"n":2,"at":"2026-11-29T04:00:00.000Z","op":"export","serial":2,"mac":"AAAA';

  test("is torn at any place of a line that was to come", async () => {
    for (const at of [1, 6, 12, 40, 57, 70, line.length]) {
      expect(await tailAfter(line.slice(0, at), true), line.slice(0, at)).toBe("torn");
      await truncate(tenant.layout.auditLog, (await readFile(tenant.layout.auditLog)).length - at);
    }
    expect(await tailAfter("", true)).toBe("none");
  });

  test.each([
    ["of another number", line.replace("2", "3"), true],
    ["with a field that no line has", `${line}","who":1`, true],
    ["with bytes that no line has", `${line}\0`, true],
    ["of a serial that nobody took", line, false],
    ["that is no line", "garbage", true],
  ])("is none of ours: a beginning %s", async (_, tail, taken) => {
    expect(await tailAfter(tail, taken)).toBe("strange");
  });
});

test("a line is written whole, also where the system takes it in parts", async () => {
  const handle = await open(tenant.layout.auditLog, "r");
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  await handle.close();
  const { write } = prototype;
  const parts = vi.spyOn(prototype, "write").mockImplementation(async function (
    this: FileHandle,
    ...[data, offset, length, position]: unknown[]
  ) {
    const part = Math.min(Number(length), 10);
    return await Reflect.apply(write, this, [data, offset, part, position]);
  });
  try {
    await append("a");
  } finally {
    parts.mockRestore();
  }
  expect(await allLines(tenant)).toHaveLength(2);
});

test("lines that were taken off together with the head are missed", async () => {
  const files = [tenant.layout.auditLog, join(tenant.layout.state, "audit")];
  const older = await Promise.all(files.map((file) => readFile(file)));
  await tenant.audit.append([{ op: "export", serial: await tenant.state.takeSerials() }]);
  for (const [index, file] of files.entries()) await writeFile(file, older[index] ?? "");
  await expect(allLines(tenant)).rejects.toMatchObject({ message: /lines are missing at the end/ });
  await expect(append("a")).rejects.toMatchObject({ message: /lines are missing at the end/ });
});

test("an end that was cut off stops the next change: it would hide it", async () => {
  await append("a");
  const { auditLog } = tenant.layout;
  await truncate(auditLog, (await readFile(auditLog, "utf8")).indexOf("\n") + 1);
  await expect(append("b")).rejects.toMatchObject({ message: /lines are missing at the end/ });
});
