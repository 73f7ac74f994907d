/** Which of a bridge's metrics tell of an attack. */

/** Those that count what is refused and what is limited, with what the names begin with. */
const TELLING = /^veilmq_((?:mqtt_refusals|refusals|http_refusals|limits)_total)\{([^}]*)\} (\d+)$/;
const LABEL = /(?:reason|code|limit)="([^"]*)"/;

/** By their names in the report, such as `limits{client.messagesPerSecond}`. */
export type Tellings = ReadonlyMap<string, number>;

/** As a bridge counts now. */
export async function tellings(adminUrl: string): Promise<Tellings> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const found = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, metric = "", labels = "", value = "0"] = TELLING.exec(line) ?? [];
    const label = LABEL.exec(labels)?.[1];
    if (label === undefined) continue;
    const name = `${metric.replace("_total", "")}{${label}}`;
    found.set(name, (found.get(name) ?? 0) + Number(value));
  }
  return found;
}

/** Those that have grown. */
export function grown(before: Tellings, after: Tellings): string[] {
  return [...after]
    .filter(([name, value]) => value > (before.get(name) ?? 0))
    .map(([name]) => name);
}
