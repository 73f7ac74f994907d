/** A line of counts in the log when they changed, at most every 10 s. */
import type { Part } from "../../core/runtime/lifecycle.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { AgentStatus } from "./status.ts";

const INTERVAL_MS = 10_000;

export function countsLine(read: () => AgentStatus, log: Logger): Part {
  let timer: NodeJS.Timeout | undefined;
  let last = "";
  const report = (): void => {
    const { taken, refused, acknowledged, pending, rejected, dropped, ports } = read();
    const invalid = ports.reduce((sum, port) => sum + port.invalid, 0);
    const counts = { taken, refused, acknowledged, pending, rejected, dropped, invalid };
    const text = JSON.stringify(counts);
    if (text !== last) log.info(counts, "counts");
    last = text;
  };
  return {
    name: "counts",
    start: async () => {
      timer = setInterval(report, INTERVAL_MS);
    },
    stop: async () => clearInterval(timer),
  };
}
