import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GrantTable, packGrants } from "../../../bridge/directory/grant-table.ts";
import type { Grant, Operation } from "../../../core/wire/directory.ts";

const tag = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const ops = fc.constantFrom<Operation[]>(["pub"], ["sub"], ["pub", "sub"]);
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const grant: fc.Arbitrary<Grant> = fc.record({ tag, ops, nbf: time, exp: time });
const grants = fc.uniqueArray(grant, { selector: ({ tag }) => tag.toString("hex"), maxLength: 40 });

describe("GrantTable", () => {
  test("gives back what was packed, in whatever order it came", () => {
    fc.assert(
      fc.property(grants, (list) => {
        const table = new GrantTable([packGrants(list)]);
        expect(table.size).toBe(list.length);
        for (const one of list) expect(table.get(one.tag.toString("hex"))).toEqual(one);
        expect(new Map(table)).toEqual(new Map(list.map((one) => [one.tag.toString("hex"), one])));
      }),
    );
  });

  test("finds nothing that was not packed", () => {
    fc.assert(
      fc.property(grants, tag, (list, other) => {
        fc.pre(!list.some((one) => one.tag.equals(other)));
        expect(new GrantTable([packGrants(list)]).has(other.toString("hex"))).toBe(false);
      }),
    );
  });

  test("looks through all chunks", () => {
    const at = (byte: number): Grant => ({
      tag: Buffer.alloc(32, byte),
      ops: ["pub"],
      nbf: 1,
      exp: 2,
    });
    const table = new GrantTable([packGrants([at(9), at(1)]), packGrants([at(5)])]);
    expect([...table.keys()].map((key) => key.slice(0, 2))).toEqual(["01", "09", "05"]);
    expect(table.get("05".repeat(32))).toEqual(at(5));
    expect(table.size).toBe(3);
  });

  test("takes 49 bytes for a grant", () => {
    expect(packGrants([{ tag: Buffer.alloc(32), ops: ["sub"], nbf: 0, exp: 1 }]).length).toBe(49);
  });

  test("refuses a tag that comes twice", () => {
    const twice = { tag: Buffer.alloc(32, 1), ops: ["pub"], nbf: 0, exp: 1 } satisfies Grant;
    expect(() => packGrants([twice, { ...twice, ops: ["sub"] }])).toThrow(
      expect.objectContaining({ code: "BAD_DOCUMENT" }),
    );
  });

  test.each(["", "00", "zz".repeat(32), "00".repeat(33)])("has no grant of %o", (key) => {
    const table = new GrantTable([
      packGrants([{ tag: Buffer.alloc(32), ops: ["pub"], nbf: 0, exp: 1 }]),
    ]);
    expect(table.get(key)).toBeUndefined();
  });
});
