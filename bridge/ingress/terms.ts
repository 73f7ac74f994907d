/** What the directory asks of an alias's records, and until when it does. */
import { VeilError } from "../../core/errors.ts";
import { SUITE, type SuiteId } from "../../core/scheme/suite.ts";
import type { Login } from "../../core/wire/login.ts";
import { epochOfRecords, isOfTags } from "../directory/epochs.ts";
import type { IngressServices } from "./services.ts";

/** For records of one epoch. */
export interface Terms {
  readonly suite: SuiteId;
  readonly mustSign: boolean;
  /** When the grant or one of the epochs ends, milliseconds since 1970. */
  readonly untilMs: number;
  /** Of the directory, when it was asked: they hold until something has changed there. */
  readonly changes: number;
}

/** Whose terms are wanted. */
export interface TermsOwner {
  readonly login: Login;
  readonly alias: { readonly epoch: number; readonly expMs: number };
}

/** What is asked about: a record's epoch, and when that is, milliseconds since 1970. */
interface Asked {
  readonly epoch: number;
  readonly nowMs: number;
}

/**
 * Of records of `epoch`, which may be an older one than the alias's: an outbox is emptied under the newest names. Throws
 * REVOKED, NO_GRANT, EPOCH.
 */
export function termsOf(
  directory: IngressServices["directory"],
  { login, alias }: TermsOwner,
  { epoch, nowMs }: Asked,
): Terms {
  const client = directory.client(login);
  const tenant = directory.tenant(login.tenant);
  if (!tenant || client?.status !== "active")
    throw new VeilError("REVOKED", "the client is revoked");
  if (nowMs >= alias.expMs) throw new VeilError("NO_GRANT", "the grant has ended");
  if (!isOfTags(tenant, alias.epoch, nowMs))
    throw new VeilError("EPOCH", "the grace window of the alias's epoch is over");
  const { parameters, recordsUntilMs = Infinity } = epochOfRecords(tenant, epoch, nowMs);
  const tagsUntilMs = tenant.epochs.get(alias.epoch)?.tagsUntilMs ?? Infinity;
  return {
    suite: SUITE[parameters.suite],
    mustSign: client.signs,
    untilMs: Math.min(alias.expMs, tagsUntilMs, recordsUntilMs),
    changes: directory.changes,
  };
}
