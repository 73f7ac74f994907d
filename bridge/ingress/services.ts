/** What the ingress needs of the rest of the bridge, and how it tells of refusals. */
import { REFUSAL_CODES, type RefusalCode, type VeilError } from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Login } from "../../core/wire/login.ts";
import type { UpstreamKind } from "../../core/wire/mqtt.ts";
import type { Directory } from "../directory/types.ts";

import type { Limits } from "../limits/limits.ts";
import type { Mailboxes } from "../mail/mailboxes.ts";

import type { Matching } from "../matching/matching.ts";
import type { BridgeMetrics } from "../metrics.ts";
import type { Registry } from "../registry/types.ts";
import type { Rekeys } from "../rekey/rekeys.ts";
import type { Sightings } from "../sightings.ts";
import type { Topics } from "../writer/topics.ts";
import type { Writer } from "../writer/writer.ts";

export interface IngressServices {
  readonly directory: Pick<
    Directory,
    "tenant" | "client" | "changes" | "allows" | "onClientChange" | "onTenant"
  >;
  readonly matching: Pick<Matching, "match" | "checkWrapped">;
  readonly topics: Pick<Topics, "ensure" | "forget">;
  readonly registry: Pick<Registry, "register" | "has">;
  readonly rekeys: Pick<Rekeys, "owes" | "beginAnnouncement" | "onLost">;
  readonly writer: Pick<Writer, "write" | "drop">;
  readonly mailboxes: Pick<Mailboxes, "follow" | "open" | "remove">;
  readonly metrics: BridgeMetrics;
  readonly limits: Limits;
  readonly sightings: Sightings;
  readonly log: Logger;
  /** Milliseconds since 1970, for grants. */
  readonly nowMs: () => number;
}

/** The tenant of a login that is none: a label must not be whatever somebody sent. */
const NO_TENANT = "-";

/** What a device is told, and what only the operator hears. */
export type RefusedCode = RefusalCode | "AUTH" | "BAD_ARGUMENT";

/** For the operator; the device's side has words of its own. */
const HINTS: Readonly<Record<RefusedCode, string>> = {
  NO_GRANT:
    "if it should publish there: the owner runs `veilmq kms grant`, and it is imported here",
  BAD_TOKEN: "it does not use this tenant's keys: does the device have its newest credential?",
  BAD_RECORD: "it does not fit the client's enrolment: does the device have its newest credential?",
  TOO_LARGE: "the device puts it aside and goes on; what the device measures is too long",
  EPOCH: "the device uses keys that are not in force any more: it needs its newest credential",
  REVOKED: "the owner has revoked the client; enrolled again and imported, it is taken again",
  LIMIT: "there is no room for it now; the device asks again by itself",
  AUTH: "is the client enrolled, its enrolment imported here, and its credential the newest?",
  BAD_ARGUMENT: "the client does not keep to the protocol: is it an agent, and of this version?",
};

/** One refusal: counted, and one structured line. `reason` never holds what a peer sent. */
export function noteRefusal(
  services: Omit<IngressServices, "matching" | "topics" | "registry" | "rekeys" | "writer">,
  refusal: {
    readonly login: Login | null;
    readonly what: UpstreamKind | "connect";
    readonly code: RefusedCode;
    readonly reason: string;
  },
): void {
  const { log, metrics, directory, sightings, nowMs } = services;
  const { login, ...rest } = refusal;
  const { what, code } = refusal;
  if (login && directory.client(login))
    sightings.of(login).lastRefusal = { what, code, atMs: nowMs() };
  const isServed = login !== null && directory.tenant(login.tenant) !== null;
  metrics.refused(refusal.code, isServed ? login.tenant : NO_TENANT);
  const hint = HINTS[refusal.code];
  const { client, tenant } = login ?? {};
  const told = services.limits.refusals.take(`${client}@${tenant}`);
  if (told) log.warn({ event: "refused", ...rest, hint, client, tenant, ...told }, "refused");
}

/** The code that a device is told, `undefined` where `error` is the bridge's own trouble. */
export function refusalCodeOf(error: VeilError): RefusalCode | undefined {
  return REFUSAL_CODES.find((code) => code === error.code);
}
