/**
 * Attack: the bridge as an oracle that raises anything to d_j2.
 * Holds: a consumer with its record half, and the wrapped key W of a topic it was never granted.
 * Does: blinds W to W·s^65537, which looks like any other element, has it released, unwraps, divides by s.
 * Gets: with an oracle that takes group elements: any record key whose W it has seen.
 * VeilMQ: release takes a topic and kids, never an element, and only where `sub` is granted. (An element can still be
 *   brought in as an announcement of one's own: see laundered-announcement.test.ts.)
 * PROTOCOL.md §3 ("Release"), §6 (POST /v1/keys).
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { modInverse } from "../../core/scheme/arithmetic.ts";
import { i2osp, os2ip } from "../../core/scheme/bytes.ts";
import { keysRequestSchema } from "../../core/wire/http.ts";
import { fold, power } from "./toy.ts";
import { K, N_REC, Party, RECORD_E } from "./victim.ts";

const producer = new Party("pump");
const mallory = new Party("mallory");
const victim = producer.makeKey("plant/secret");
// A square, so that the blinded value passes *Check*: its Jacobi symbol is +1.
const s = power(os2ip(randomBytes(128)), 2n, N_REC);
const blinded = i2osp(fold(os2ip(victim.wrapped) * power(s, RECORD_E, N_REC), N_REC), K);

test("an oracle for elements gives a consumer every key whose W it has seen", () => {
  const naiveRelease = (element: Buffer): Buffer => mallory.release.release(element);
  const unwrapped = os2ip(mallory.role.unwrap(naiveRelease(blinded)));
  expect(i2osp(fold(unwrapped * modInverse(s, N_REC), N_REC), K)).toEqual(victim.ikm);
});

test("ours: a request has no place for an element", () => {
  const topic_name = `veil-${"a".repeat(52)}`;
  const kids = [randomBytes(16).toString("base64url")];
  expect(keysRequestSchema.safeParse({ topic_name, kids }).success).toBe(true);
  const element = blinded.toString("base64url");
  for (const request of [
    { topic_name, kids: [element] },
    { topic_name, kids, wrapped: element },
    { topic_name, kids, W: element },
    { topic_name: element, kids },
    { topic_name, kids: [{ kid: kids[0], W: element }] },
  ])
    expect(keysRequestSchema.safeParse(request).success).toBe(false);
});
