/** What the ingress needs of the rest of the bridge, and how it tells of refusals. */
import {
  type ErrorCode,
  REFUSAL_CODES,
  type RefusalCode,
  type VeilError,
} from "../../core/errors.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Login } from "../../core/wire/login.ts";
import type { UpstreamKind } from "../../core/wire/mqtt.ts";
import type { Directory } from "../directory/types.ts";
import type { Matching } from "../matching/matching.ts";
import type { BridgeMetrics } from "../metrics.ts";
import type { Registry } from "../registry/types.ts";
import type { Topics } from "../writer/topics.ts";
import type { Writer } from "../writer/writer.ts";

export interface IngressServices {
  readonly directory: Pick<
    Directory,
    "tenant" | "client" | "allows" | "onClientChange" | "onTenant"
  >;
  readonly matching: Pick<Matching, "match" | "checkWrapped">;
  readonly topics: Pick<Topics, "ensure" | "forget">;
  readonly registry: Pick<Registry, "register" | "has">;
  readonly writer: Pick<Writer, "write" | "dropSession">;
  readonly metrics: BridgeMetrics;
  readonly log: Logger;
  /** Milliseconds since 1970, for grants. */
  readonly nowMs: () => number;
}

/** The tenant of a login that is none: a label must not be whatever somebody sent. */
const NO_TENANT = "-";

/** One refusal: counted, and one structured line. `reason` never holds what a peer sent. */
export function noteRefusal(
  { log, metrics, directory }: Pick<IngressServices, "log" | "metrics" | "directory">,
  refusal: {
    readonly login: Login | null;
    readonly what: UpstreamKind | "connect";
    readonly code: ErrorCode;
    readonly reason: string;
  },
): void {
  const { login, ...rest } = refusal;
  const isServed = login !== null && directory.tenant(login.tenant) !== null;
  metrics.refused(refusal.code, isServed ? login.tenant : NO_TENANT);
  log.warn({ event: "refused", ...rest, client: login?.client, tenant: login?.tenant }, "refused");
}

/** The code that a device is told, `undefined` where `error` is the bridge's own trouble. */
export function refusalCodeOf(error: VeilError): RefusalCode | undefined {
  return REFUSAL_CODES.find((code) => code === error.code);
}
