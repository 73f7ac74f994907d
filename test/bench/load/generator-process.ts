/** The other end of generator.ts. */
import type { Answer, Order } from "./generator.ts";
import { runLoad } from "./load.ts";
import { Publisher } from "./publisher.ts";

const OPENING_AT_ONCE = 50;

const groups = new Map<string, Publisher[]>();

process.on("message", (order: Order) => {
  void carryOut(order)
    .catch((error: unknown): Answer => ({ error: String(error) }))
    .then((answer) => process.send?.(answer));
});

async function carryOut(order: Order): Promise<Answer> {
  if ("open" in order) {
    const waiting = [...order.publishers];
    const opened: Publisher[] = [];
    groups.set(order.open, opened);
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        opened.push(await Publisher.open({ ...next, payload: Buffer.from(next.payload) }));
    };
    await Promise.all(Array.from({ length: OPENING_AT_ONCE }, worker));
    return { done: true };
  }
  if ("close" in order) {
    for (const publisher of groups.get(order.close) ?? []) publisher.close();
    groups.delete(order.close);
    return { done: true };
  }
  const { latencies, ...rest } = await runLoad(
    groups.get(order.run) ?? [],
    order.load,
    order.seconds,
  );
  return { ...rest, latencies: latencies.toJSON() };
}
