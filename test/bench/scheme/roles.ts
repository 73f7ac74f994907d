/** Every operation of the three roles (PROTOCOL.md §2), once for each suite and size. */
import { randomBytes } from "node:crypto";
import { clientRole } from "../../../core/scheme/client.ts";
import { ownerTag, publicParameters, splitHalves } from "../../../core/scheme/owner.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../../core/scheme/proxy.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../../core/wire/keys.ts";
import { movementOf } from "../framework/figures.ts";
import type { Section } from "../framework/findings.ts";
import { type Contestant, type InterleaveOptions, interleave } from "../framework/interleave.ts";
import { median } from "../framework/statistics.ts";
import type { NamedMaster } from "./masters.ts";

/** In the order of the protocol: enrolment, a grant, a subscription, a data key's way. */
const OPERATIONS = [
  "UGen",
  "owner's tag",
  "UEnc",
  "Check",
  "PEnc",
  "wrap",
  "Check of W",
  "PDec",
  "UDec",
] as const;
type Operation = (typeof OPERATIONS)[number];

const REALM = { tenant: "bench", epoch: 1 };
const MS_PER_S = 1000;
/** A comparison of lengths, a copy: more a second than any computation. */
const NOTHING_TO_COMPUTE = 5_000_000;

/** One consumer's operations. UGen makes the four halves of one. */
export function operationsOf({ master }: NamedMaster): Record<Operation, () => unknown> {
  const parameters = publicParameters(master);
  const realm = REALM;
  const split = () => splitHalves({ master, random: randomBytes, consumer: true });
  const halves = split();
  const { seed, publicKey } = generateSigningKey();
  const signing = { id: "analyst", signingKey: importSigningKey(seed) };
  const verifying = { id: "analyst", publicKey: importPublicKey(publicKey) };
  const client = clientRole({ realm, parameters, halves: halves.client, consumer: signing });
  const proxy = proxyRole({ realm, parameters, halves: halves.proxy, consumer: verifying });
  const release = releaseRole({ realm, parameters, halves: halves.proxy });
  const token = client.token("greenhouse-1/climate");
  const { wrapped } = client.wrap(randomBytes);
  const released = release.release(wrapped);
  return {
    UGen: split,
    "owner's tag": () => ownerTag({ master, realm, topic: "greenhouse-1/climate" }),
    UEnc: () => client.token("greenhouse-1/climate"),
    Check: () => proxy.checkToken(token),
    PEnc: () => proxy.transform(token),
    wrap: () => client.wrap(randomBytes),
    "Check of W": () => checkWrapped(parameters, wrapped),
    PDec: () => release.release(wrapped),
    UDec: () => client.unwrap(released),
  };
}

/** Operations a second of one processor: a row for each master key, a column for each operation. */
export async function measureRoles(
  masters: readonly NamedMaster[],
  options: InterleaveOptions,
): Promise<Pick<Section, "table" | "note">> {
  const contestants = masters.flatMap((master): Contestant[] => {
    const operations = operationsOf(master);
    return OPERATIONS.map((name) => ({ name, run: operations[name] }));
  });
  const results = await interleave(contestants, options);
  const perSecond = results.map((costsMs) => {
    const rate = MS_PER_S / median(costsMs);
    return rate > NOTHING_TO_COMPUTE ? null : rate;
  });
  const rows = masters.map(({ name }, at) => {
    const first = at * OPERATIONS.length;
    return [name, ...perSecond.slice(first, first + OPERATIONS.length)];
  });
  return { table: { columns: ["suite", ...OPERATIONS], rows }, note: movementOf(results) };
}
