/** The other end of fleet.ts. */
import { setMaxListeners } from "node:events";
import { Backoff, NEVER } from "../../../core/runtime/backoff.ts";
import { Histogram } from "../load/histogram.ts";
import { IdleDevice } from "./device.ts";
import type { FleetAnswer, FleetOrder } from "./fleet.ts";

/** As an agent comes back (agent/device/uplink/timings.ts), its first wait after a cut included. */
const RECONNECT = { minMs: 500, maxMs: 60_000 };
/** Ten thousand wait with it. */
setMaxListeners(0, NEVER);

let devices: readonly IdleDevice[] = [];

process.on("message", (order: FleetOrder) => {
  void carryOut(order).then((answer) => process.send?.(answer));
});
process.on("disconnect", () => process.exit(0));

async function carryOut(order: FleetOrder): Promise<FleetAnswer> {
  if ("be" in order) devices = order.be.map((words) => new IdleDevice(revive(words)));
  else if ("cut" in order) for (const device of devices) device.cut();
  else return flowAll(order);
  return { times: [], attempts: 0 };
}

async function flowAll({ flow, isFirst, atOnce }: Extract<FleetOrder, { flow: object }>) {
  const times = new Histogram();
  let attempts = 0;
  const beganMs = performance.now();
  const waiting = [...devices];
  const bring = async (device: IdleDevice): Promise<void> => {
    const backoff = new Backoff(RECONNECT);
    if (atOnce === undefined) await backoff.wait(NEVER);
    for (attempts++; !(await device.flow(flow, isFirst)); attempts++) await backoff.wait(NEVER);
    times.add(performance.now() - beganMs);
  };
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await bring(next);
  };
  await Promise.all(Array.from({ length: atOnce ?? waiting.length }, worker));
  return { times: times.toJSON(), attempts };
}

/** Buffers come over IPC as plain bytes. */
function revive<T extends object>(words: T): T {
  const revived = Object.entries(words).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? Buffer.from(value) : value,
  ]);
  return Object.assign({ ...words }, Object.fromEntries(revived));
}
