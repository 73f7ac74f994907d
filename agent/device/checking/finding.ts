/** What a check found: a line. */
export interface Finding {
  /** `warn`: it will run, and somebody should look. */
  readonly level: "ok" | "warn" | "FAIL";
  /** `port`, `disk`, … */
  readonly what: string;
  readonly text: string;
}

export function ok(what: string, text: string): Finding {
  return { level: "ok", what, text };
}

export function warn(what: string, text: string): Finding {
  return { level: "warn", what, text };
}

export function fail(
  what: string,
  problem: { message: string; hint?: string | undefined },
): Finding {
  const hint = problem.hint === undefined ? "" : ` (${problem.hint})`;
  return { level: "FAIL", what, text: `${problem.message}${hint}` };
}
