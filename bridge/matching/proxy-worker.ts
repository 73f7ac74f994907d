/**
 * Entry of the worker threads that compute for the bridge: *Check* (0.4 ms at 3,072 bits), PEnc and PDec (2 to 15 ms).
 * Roles are made anew for each task: what is expensive about them, the modulus, the scheme keeps per thread.
 */
import { yieldToOtherThreads } from "../../core/runtime/thread-priority.ts";
import { serveWorker } from "../../core/runtime/workers.ts";
import { checkWrapped, proxyRole, releaseRole } from "../../core/scheme/proxy.ts";
import { tagOf } from "../../core/scheme/tag.ts";
import { epochSchema, halvesSchema, proxyHalvesSchema } from "../../core/wire/parameters.ts";
import type { ProxyAnswer, ProxyTask } from "./proxy-task.ts";

// Devices whose topics are known must not wait for who asks for new ones.
yieldToOtherThreads();
serveWorker((task: ProxyTask): ProxyAnswer => {
  const { epoch, parameters } = epochSchema.parse(task.epoch);
  const realm = { tenant: task.tenant, epoch };
  if (task.work === "check") {
    checkWrapped(parameters, task.wrapped);
    return new Uint8Array();
  }
  if (task.work === "release") {
    const { halves } = proxyHalvesSchema.parse(task.halves);
    return releaseRole({ realm, parameters, halves }).release(task.wrapped);
  }
  const { halves } = halvesSchema.parse(task.halves);
  const role = proxyRole({ realm, parameters, halves, consumer: task.consumer });
  return tagOf(role.suite, realm, role.transform(task.token));
});
