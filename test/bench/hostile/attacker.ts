/**
 * A process of its own that attacks, at the lowest priority: it would be another machine's, and the neighbours' clocks must
 * not suffer from its work, only from the bridge's.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { VeilError } from "../../../core/errors.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import type { Target } from "./target.ts";

const ENTRY = packageFile("dist", "test", "bench", "hostile", "attacker-process.js");

export interface AttackOrder {
  readonly attack: string;
  readonly target: Target;
}

/** Attacks while `work` runs, from its beginning to its end. */
export async function underAttack<T>(order: AttackOrder, work: () => Promise<T>): Promise<T> {
  const child: ChildProcess = fork(ENTRY, { serialization: "advanced" });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  let isOver = false;
  const exited = once(child, "exit").then(() => {
    if (!isOver) throw new VeilError("INTERNAL", `the attacker died: ${order.attack}`);
  });
  exited.catch(() => undefined);
  try {
    child.send(order);
    await once(child, "message");
    const result = await work();
    if (child.exitCode !== null) await exited;
    return result;
  } finally {
    isOver = true;
    child.kill("SIGKILL");
    await exited.catch(() => undefined);
  }
}
