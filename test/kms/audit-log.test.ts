import { appendFile, copyFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { AuditLine } from "../../kms/audit-log.ts";
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
    await tenant.audit.append([{ op: "export" }]);
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
    const head = join(tenant.layout.state, "audit");
    const before = await readFile(head);
    const { auditLog } = tenant.layout;
    await append("a", "b");
    await truncate(auditLog, (await readFile(auditLog)).length - 10);
    await writeFile(head, before);
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

test("an end that was cut off stops the next change: it would hide it", async () => {
  await append("a");
  const { auditLog } = tenant.layout;
  await truncate(auditLog, (await readFile(auditLog, "utf8")).indexOf("\n") + 1);
  await expect(append("b")).rejects.toMatchObject({ message: /lines are missing at the end/ });
});
