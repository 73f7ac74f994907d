/** Prints each temperature above a limit: node docs/examples/warm.mjs analyst.cred.json 30 greenhouse/north/climate */
import { subscribe } from "veilmq/consumer";

const [credential, limit, ...topics] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

for await (const reading of subscribe({ credential, topics, signal: stop.signal, wait: true })) {
  const { time, producer, values } = reading;
  for (const { name, value, unit } of values)
    if (typeof value === "number" && value > Number(limit))
      process.stdout.write(`${time.toISOString()} ${producer} ${name} ${value} ${unit ?? ""}\n`);
}
