/** Work that is stopped when it does not end: an endless loop is a finding, not the end of the run. */
import { createContext, Script } from "node:vm";

// One context for all calls: making one takes longer than most inputs.
const sandbox = { work: (): void => undefined };
const context = createContext(sandbox);
const CALL = new Script("work()");

/** Whether `error` says that work was stopped. */
export function isTimeUp(error: unknown): boolean {
  // Not `instanceof Error`: the error may be of the context's realm.
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
}

/** Runs `work`; after `maxMs` its JavaScript is stopped where it is, and an error for `isTimeUp` thrown. */
export function withTimeLimit(work: () => void, maxMs: number): void {
  sandbox.work = work;
  CALL.runInContext(context, { timeout: maxMs });
}
