import { describe, expect, test } from "vitest";
import type { Client } from "../../../bridge/directory/types.ts";
import { decodeLoss, encodeLoss, type Loss, lossesOf } from "../../../bridge/rekey/loss.ts";
import { Owed } from "../../../bridge/rekey/owed.ts";
import { InternalStore } from "../../../core/wire/store.ts";
import { Fleet } from "../../support/fleet.ts";

const store = new InternalStore(Buffer.alloc(32, 1));
const hexTag = Buffer.alloc(32, 7).toString("hex");
const loss: Loss = { tenant: "acme", consumer: "reader", hexTag, serial: 5 };
const producer = { tenant: "acme", client: "pump" };

describe("a loss", () => {
  test("comes back from its entry", () => {
    const { key, value } = encodeLoss(store, loss);
    expect(value && decodeLoss(store, "acme", { key, value })).toEqual(loss);
    expect(encodeLoss(store, { ...loss, serial: 6 }).key).toEqual(key);
  });

  test("of another tenant, under another key, or cut, is none", () => {
    const { key, value } = encodeLoss(store, loss);
    if (!value) throw new Error("it has a value");
    const other = encodeLoss(store, { ...loss, consumer: "writer" });
    expect(decodeLoss(store, "other", { key, value })).toBeNull();
    expect(decodeLoss(store, "acme", { key: other.key, value })).toBeNull();
    for (const bytes of [0, 12, 40, value.length - 1])
      expect(decodeLoss(store, "acme", { key, value: value.subarray(0, bytes) })).toBeNull();
  });

  test("is what a consumer could read and no longer may", () => {
    const fleet = new Fleet();
    const { login } = fleet.enrol("reader", ["a/topic", "b/topic"], ["sub"]);
    fleet.enrol("pump", ["a/topic"], ["pub"]);
    const before = fleet.client(login);
    if (!before) throw new Error("it was enrolled");
    const lost = (after: Partial<Client>) =>
      lossesOf({ login, serial: 9, before, after: { ...before, ...after } }).map((it) => it.hexTag);
    const [a, b] = ["a/topic", "b/topic"].map((topic) => fleet.tag(topic).toString("hex"));
    expect(lost({})).toEqual([]);
    expect(lost({ grants: fleet.grants(["b/topic"], ["sub"]) })).toEqual([a]);
    expect(lost({ grants: fleet.grants(["a/topic", "b/topic"], ["pub"]) })).toEqual([a, b]);
    expect(lost({ status: "revoked" })).toEqual([a, b]);
    expect(lossesOf({ login, serial: 9, before: null, after: before })).toEqual([]);
  });
});

describe("who owes a new key", () => {
  test("does so until one was made after the loss", () => {
    const owed = new Owed();
    expect(owed.owes(producer, hexTag)).toBe(false);
    const earlier = owed.count;
    expect(owed.lost(loss)).toBe(true);
    expect(owed.owes(producer, hexTag)).toBe(true);
    expect(owed.owes({ ...producer, tenant: "other" }, hexTag)).toBe(false);
    owed.renewed(producer, hexTag, earlier);
    expect(owed.owes(producer, hexTag)).toBe(true);
    owed.renewed(producer, hexTag, owed.count);
    expect(owed.owes(producer, hexTag)).toBe(false);
    expect(owed.owes({ ...producer, client: "fan" }, hexTag)).toBe(true);
  });

  test("owes nothing more for a loss that is heard of again, and does for the next one", () => {
    const owed = new Owed();
    owed.lost(loss);
    owed.renewed(producer, hexTag, owed.count);
    expect(owed.lost(loss)).toBe(false);
    expect(owed.lost({ ...loss, serial: 4 })).toBe(false);
    expect(owed.owes(producer, hexTag)).toBe(false);
    expect(owed.lost({ ...loss, serial: 6 })).toBe(true);
    expect(owed.owes(producer, hexTag)).toBe(true);
    owed.renewed(producer, hexTag, owed.count);
    expect(owed.lost({ ...loss, consumer: "other" })).toBe(true);
    expect(owed.owes(producer, hexTag)).toBe(true);
  });
});
