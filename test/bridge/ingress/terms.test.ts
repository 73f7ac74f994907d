/** What records are judged by, and how long that holds. */
import { expect, test } from "vitest";
import { type TermsOwner, termsOf } from "../../../bridge/ingress/terms.ts";
import { EPOCH, Fleet } from "../../support/fleet.ts";

const NEXT = 2;

function rig() {
  const fleet = new Fleet();
  const { login } = fleet.enrol("pump", ["plant/pump"]);
  const alias = { epoch: EPOCH, expMs: 9_000 };
  const owner: TermsOwner = { login, alias };
  const clock = { nowMs: 1_000 };
  const terms = (epoch = EPOCH) => termsOf(fleet, owner, { epoch, nowMs: clock.nowMs });
  return { fleet, login, alias, clock, terms };
}

function refused(code: string) {
  return expect.objectContaining({ code });
}

test("they are as of the directory's last change", () => {
  const { fleet, login, terms } = rig();
  const first = terms();
  expect(first.changes).toBe(fleet.changes);
  expect(first.mustSign).toBe(false);

  fleet.enrol("another", []);
  expect(terms()).toEqual({ ...first, changes: fleet.changes });
  fleet.change(login, { signs: true });
  expect(terms().mustSign).toBe(true);
  fleet.revoke(login);
  for (let n = 0; n < 2; n++) expect(terms).toThrow(refused("REVOKED"));
});

test("they hold until the grant or one of the epochs ends, whichever is first", () => {
  const { fleet, alias, clock, terms } = rig();
  const [old] = fleet.only.epochs.values();
  if (!old) throw new Error("no epoch");
  const changeEpoch = (ends: { tagsUntilMs?: number; recordsUntilMs?: number }) =>
    fleet.changeTenant({ epochs: new Map([[EPOCH, { ...old, ...ends }]]) });

  expect(terms().untilMs).toBe(9_000);
  clock.nowMs = 8_999;
  expect(terms).not.toThrow();
  clock.nowMs = 9_000;
  expect(terms).toThrow(refused("NO_GRANT"));

  Object.assign(alias, { expMs: Infinity });
  changeEpoch({ tagsUntilMs: 10_000, recordsUntilMs: 12_000 });
  expect(terms().untilMs).toBe(10_000);
  clock.nowMs = 10_000;
  expect(terms).toThrow(refused("EPOCH"));
});

test("records of an older epoch than the alias's have terms of their own", () => {
  const { fleet, alias, clock, terms } = rig();
  const [old] = fleet.only.epochs.values();
  if (!old) throw new Error("no epoch");
  const epochs = new Map([
    [EPOCH, { ...old, tagsUntilMs: 2_000, recordsUntilMs: 3_000 }],
    [NEXT, { ...old, epoch: NEXT }],
  ]);
  fleet.changeTenant({ epochs });
  Object.assign(alias, { epoch: NEXT });
  expect(terms(NEXT).untilMs).toBe(9_000);
  expect(terms(EPOCH).untilMs).toBe(3_000);
  clock.nowMs = 3_000;
  expect(() => terms(EPOCH)).toThrow(refused("EPOCH"));
  expect(terms(NEXT).untilMs).toBe(9_000);
  expect(() => terms(NEXT + 1)).toThrow(refused("EPOCH"));
});
