/** A process of its own that attacks: the neighbours' clocks must not suffer from its work, only from the bridge's. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
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
  const exited = once(child, "exit");
  try {
    child.send(order);
    await once(child, "message");
    return await work();
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}
