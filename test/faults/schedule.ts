/** Which faults come in a long run, and in which order: decks of all kinds by their weight, shuffled and dealt out. */
import type { FaultKind } from "./faults.ts";
import type { Random } from "./random.ts";

export function scheduleFaults(
  kinds: readonly FaultKind[],
  faults: number,
  random: Random,
): FaultKind[] {
  const deck = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const dealt: FaultKind[] = [];
  while (dealt.length < faults) dealt.push(...random.shuffle(deck));
  return dealt.slice(0, faults);
}
