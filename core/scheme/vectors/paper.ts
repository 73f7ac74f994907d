/**
 * Vector files of suite `paper` (PROTOCOL.md §2.5): N, phi, e, d, EI1, EI2, EJ1, EJ2; cases with topic,
 * sha256, enc_EI1, trapdoor_EJ1, zenc. A name that the file does not say has the report's value.
 */
import { sha256 } from "../bytes.ts";
import { EI1, EJ1, enc } from "../paper/client.ts";
import { E, PHI, paperDecryptionExponent, paperProxyHalf } from "../paper/owner.ts";
import { PAPER_MODULUS } from "../paper/power.ts";
import { EI2, EJ2, encMatch, zenc } from "../paper/proxy.ts";
import { type Comparisons, compareBytes, compareNumber, compareText } from "./comparison.ts";
import type { Fields } from "./fields.ts";

/** The exponents of a file: its own, or the report's. */
interface Keys {
  readonly ei1: number;
  readonly ei2: number;
  readonly ej1: number;
  readonly ej2: number;
}

/** Recomputes all that a file of suite `paper` says. Throws BAD_ARGUMENT for a malformed or missing field. */
export function* comparePaper(file: Fields): Comparisons {
  const number = (name: string, otherwise: number): number =>
    Number(file.integer(name) ?? otherwise);
  const e = number("e", E);
  const [ei1, ej1] = [number("EI1", EI1), number("EJ1", EJ1)];
  const keys = { ei1, ei2: number("EI2", EI2), ej1, ej2: number("EJ2", EJ2) };
  yield* compareNumber(file, "N", () => PAPER_MODULUS);
  yield* compareNumber(file, "phi", () => PHI);
  yield* compareNumber(file, "d", () => paperDecryptionExponent(e));
  yield* compareNumber(file, "EI2", () => paperProxyHalf(ei1, e));
  yield* compareNumber(file, "EJ2", () => paperProxyHalf(ej1, e));
  for (const one of file.cases()) yield* compareCase(one, keys);
}

function* compareCase(one: Fields, { ei1, ei2, ej1, ej2 }: Keys): Comparisons {
  const topic = one.require(one.text("topic"), "topic");
  const [name, trapdoor] = [enc(topic, ei1), enc(topic, ej1)];
  yield* compareBytes(one, "sha256", () => sha256(topic));
  yield* compareText(one, "enc_EI1", () => name);
  yield* compareText(one, "trapdoor_EJ1", () => trapdoor);
  yield* compareText(one, "zenc", () => zenc(name, ei2));
  yield* compareText(one, "zenc", () => zenc(trapdoor, ej2));
  const match = encMatch(trapdoor, [name], { producer: ei2, consumer: ej2 });
  yield { where: one.where("topic"), expected: name, got: String(match) };
}
