/**
 * Entry of the worker threads that compute for the bridge: *Check* (0.4 ms at 3,072 bits), PEnc and PDec (2 to 15 ms).
 * Roles are made anew for each task: what is expensive about them, the modulus, the scheme keeps per thread.
 */
import { yieldToOtherThreads } from "../../core/runtime/thread-priority.ts";
import { serveWorker } from "../../core/runtime/workers.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { type ProxyAnswer, type ProxyTask, received } from "./proxy-task.ts";

// Devices whose topics are known must not wait for who asks for new ones.
yieldToOtherThreads();
serveWorker((cloned: ProxyTask): ProxyAnswer => {
  const task = received(cloned);
  const { realm, parameters } = task;
  if (task.work === "check") {
    checkWrapped(parameters, task.wrapped);
    return new Uint8Array();
  }
  if (task.work === "release") return releaseRole(task).release(task.wrapped);
  const role = proxyRole(task);
  return tagOf(role.suite, realm, role.transform(task.token));
});
