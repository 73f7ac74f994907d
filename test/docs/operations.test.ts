/** What the operator's documents say is so: metrics, limits, codes, and a configuration that is taken. */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { limitsSchema } from "../../bridge/config/limits.ts";
import { bridgeConfigSchema } from "../../bridge/config.ts";
import { HttpMetrics } from "../../bridge/http/metrics.ts";
import { BridgeMetrics } from "../../bridge/metrics.ts";
import { StoreMetrics } from "../../bridge/store/metrics.ts";
import { isErrorCode } from "../../core/errors.ts";
import { parseConfig } from "../../core/runtime/config.ts";

const read = (path: string): Promise<string> => readFile(path, "utf8");

test("the dashboard and the guide name metrics that a bridge has", async () => {
  const metrics = new BridgeMetrics();
  const http = new HttpMetrics(metrics.registry);
  http.request("/v1/match", 200, 1);
  new StoreMetrics(metrics.registry).tooFewReplicas();
  metrics.of("acme").pubacks.rec.observe(1);
  metrics.start({
    writer: { queued: 0, queuedBytes: 0, inFlight: 0, failing: 0 },
    matching: { queued: 0 },
    sessions: () => new Map(),
    directoryAges: () => new Map(),
  });
  const { body } = await metrics.text();
  const known = new Set(body.match(/^[a-z_0-9]+/gm));
  for (const line of body.match(/^# TYPE (\w+)/gm) ?? []) known.add(line.slice("# TYPE ".length));
  for (const path of ["docs/grafana/bridge.json", "docs/operations.md"]) {
    const named = (await read(path)).match(/\b(?:veilmq|nodejs|process)_[a-z0-9_]+/g) ?? [];
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(known, `${name} in ${path}`).toContain(name);
  }
});

test("the dashboard is one, and its panels have places of their own", async () => {
  const place = z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() });
  const { panels } = z
    .object({ panels: z.array(z.object({ id: z.int(), title: z.string(), gridPos: place })) })
    .parse(JSON.parse(await read("docs/grafana/bridge.json")));
  const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(panels.length);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});

test("the guide has every limit with its default, and every code", async () => {
  const guide = await read("docs/operations.md");
  const limits = limitsSchema.parse({});
  for (const part of ["client", "tenant", "address"] as const)
    for (const [name, value] of Object.entries(limits[part])) {
      const said = value >= 2 ** 20 ? `${value / 2 ** 20} MiB` : value.toLocaleString("en");
      expect(guide).toContain(`| \`${part}.${name}\` | ${said} |`);
    }
  const table = guide.slice(guide.indexOf("## What each code means"));
  const rows = table.slice(0, table.indexOf("## When")).match(/^\| [A-Z_, ]+ \|/gm) ?? [];
  const told = new Set(rows.flatMap((row) => row.match(/[A-Z_]+/g) ?? []));
  const codes = (await read("core/errors.ts")).match(/^ {2}([A-Z_]+): (?:true|false),$/gm) ?? [];
  for (const line of codes) expect(told).toContain(line.trim().split(":")[0]);
  for (const code of told) expect(isErrorCode(code)).toBe(true);
});

test("the composed stack hangs together, and its bridge.yaml is taken", async () => {
  const text = await read("docs/compose/etc/bridge.yaml");
  const config = parseConfig(text, bridgeConfigSchema, "bridge.yaml");
  const list = z.array(z.string()).default([]);
  const service = z.looseObject({
    image: z.string(),
    volumes: list,
    networks: list,
    depends_on: list,
  });
  const compose = z
    .object({
      services: z.record(z.string(), service),
      networks: z.record(z.string(), z.unknown()),
      volumes: z.record(z.string(), z.unknown()),
    })
    .parse(parse(await read("docs/compose/compose.yaml"), { merge: true }));
  const names = Object.keys(compose.services);
  for (const { volumes, networks, depends_on } of Object.values(compose.services)) {
    expect(names).toEqual(expect.arrayContaining(depends_on));
    expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining(networks));
    const own = volumes
      .map((volume) => volume.split(":")[0] ?? "")
      .filter((v) => !v.startsWith("."));
    expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(own));
  }
  const hosts = [...config.zookeeper.servers, ...(config.kafka.brokers ?? [])];
  for (const host of hosts) expect(names).toContain(host.split(":")[0]);
});
