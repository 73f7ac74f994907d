/**
 * Everything that is fuzzed. A new decoder joins with an entry in one of the tables below:
 *
 *   {
 *     name: "my-frame",
 *     samples: [encodeMyFrame(…)],
 *     run: (input) => decodeMyFrame(input),
 *   },
 */
import type { Target } from "./target.ts";
import { documentTargets } from "./targets/documents.ts";
import { framingTargets } from "./targets/framings.ts";
import { kafkaNodeTargets } from "./targets/kafka-nodes.ts";
import { mailTargets } from "./targets/mail.ts";
import { messageTargets } from "./targets/messages.ts";
import { placeTargets } from "./targets/places.ts";
import { recordTargets } from "./targets/records.ts";
import { schemeTargets } from "./targets/scheme.ts";
import { serverTargets } from "./targets/servers.ts";
import { socketTargets } from "./targets/sockets.ts";

export const TARGETS: readonly Target[] = [
  ...messageTargets,
  ...documentTargets,
  ...mailTargets,
  ...schemeTargets,
  ...recordTargets,
  ...serverTargets,
  ...socketTargets,
  ...kafkaNodeTargets,
  ...placeTargets,
  ...framingTargets,
];
