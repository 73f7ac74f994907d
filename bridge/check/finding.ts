/** What a check found: each finding stands for itself, and all of them are told at once. */
import { isVeilError } from "../../core/errors.ts";

/** An `error` keeps a bridge from keeping its promises; a `warning` weakens something. */
export type Severity = "error" | "warning" | "ok";

export interface Finding {
  readonly severity: Severity;
  /** What was looked at: a file, a field of the configuration, a Kafka topic. */
  readonly subject: string;
  readonly message: string;
  readonly hint?: string;
}

export function ok(subject: string, message: string): Finding {
  return { severity: "ok", subject, message };
}

export function warning(subject: string, message: string, hint?: string): Finding {
  return { severity: "warning", subject, message, ...(hint !== undefined && { hint }) };
}

export function failure(subject: string, message: string, hint?: string): Finding {
  return { severity: "error", subject, message, ...(hint !== undefined && { hint }) };
}

/** What `look` finds, or the error that it ended with as a finding, with `hint` where it has none of its own. */
export async function orFailure(
  subject: string,
  look: () => Promise<readonly Finding[]>,
  hint?: string,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!isVeilError(error)) throw error;
    return [failure(subject, `${error.message} (${error.code})`, error.hint ?? hint)];
  }
}
