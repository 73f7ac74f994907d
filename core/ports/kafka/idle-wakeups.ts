/** kafkajs 2.2.4 wakes about 900 times a second on every idle connection; this stops it. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

const patched = new WeakSet<object>();

/**
 * Patches the class once. `scheduleCheckPendingRequests` sets a timer for the end of the broker's throttling,
 * which is negative when there is none, and sets it again each time it fires. With nothing pending there
 * is nothing to check: `push()` calls it again for the next request that has to wait.
 */
export function stopIdleWakeups(queueClass: { prototype: RequestQueue }): void {
  const { prototype } = queueClass;
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
}
