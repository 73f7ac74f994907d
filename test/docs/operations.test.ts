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

const list = z.array(z.string()).default([]);
const composeSchema = z.object({
  name: z.string(),
  services: z.record(
    z.string(),
    z.looseObject({
      image: z.string(),
      build: z.unknown().optional(),
      pull_policy: z.string().optional(),
      entrypoint: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.unknown()).optional(),
      healthcheck: z.object({ test: z.array(z.string()) }).optional(),
      logging: z.object({ driver: z.string() }).optional(),
      ports: list,
      volumes: list,
      networks: list,
      depends_on: list,
    }),
  ),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
});

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
  const { services, networks: nets, volumes: vols } = await readCompose();
  const names = Object.keys(services);
  for (const { volumes, networks, depends_on } of Object.values(services)) {
    expect(names).toEqual(expect.arrayContaining(depends_on));
    expect(Object.keys(nets)).toEqual(expect.arrayContaining(networks));
    const own = volumes
      .map((volume) => volume.split(":")[0] ?? "")
      .filter((v) => !v.startsWith("."));
    expect(Object.keys(vols)).toEqual(expect.arrayContaining(own));
  }
  const hosts = [...config.zookeeper.servers, ...(config.kafka.brokers ?? [])];
  for (const host of hosts) expect(names).toContain(host.split(":")[0]);

  const bridges = names.filter((name) => services[name]?.image === "veilmq");
  for (const name of bridges) {
    const inside = services[name]?.ports.map((port) => Number(port.split(":").at(-1)));
    expect(inside).toEqual([config.mqtt.port, config.http.port]);
    const asked = services[name]?.healthcheck?.test.join(" ");
    expect(asked).toContain(`http://127.0.0.1:${config.admin.port}/readyz`);
  }
  const scraped = z
    .object({
      scrape_configs: z.tuple([
        z.object({
          static_configs: z.tuple([z.object({ targets: z.array(z.string()) })]),
        }),
      ]),
    })
    .parse(parse(await read("docs/compose/prometheus.yml")));
  const [{ static_configs }] = scraped.scrape_configs;
  expect(static_configs[0].targets).toEqual(bridges.map((name) => `${name}:${config.admin.port}`));
});

test("one service builds the bridges' image, from a checkout without its keys", async () => {
  const { services } = await readCompose();
  const bridges = Object.values(services).filter(({ image }) => image === "veilmq");
  // Two would build it at the same time.
  expect(bridges.filter(({ build }) => build)).toHaveLength(1);
  for (const { build, pull_policy } of bridges)
    expect(build !== undefined || pull_policy === "never").toBe(true);
  const ignored = (await read("docs/compose/Dockerfile.dockerignore")).split("\n");
  const secrets = ["docs/compose/etc", "docs/compose/grafana.password"];
  expect(ignored).toEqual(expect.arrayContaining(["node_modules", ".git", ...secrets]));
  const untracked = (await read(".gitignore")).split("\n");
  for (const name of ["etc/bridge.age", "etc/bridge.key", "grafana.password"])
    expect(untracked).toContain(`docs/compose/${name}`);
});

test("nothing composed has a default password, and no log grows without end", async () => {
  const { services } = await readCompose();
  const { environment = {}, volumes = [] } = services["grafana"] ?? {};
  const file = environment["GF_SECURITY_ADMIN_PASSWORD__FILE"];
  expect(volumes).toContain(`./grafana.password:${file}:ro`);
  for (const { logging } of Object.values(services)) expect(logging?.driver).toBe("local");
});

test("composed bridges run with the unit's settings of Node", async () => {
  const unit = await read("systemd/veilmq-bridge.service");
  const flags = /NODE_FLAGS=(.*)"/.exec(unit)?.[1]?.split(" ") ?? [];
  const { services } = await readCompose();
  const { entrypoint = [], environment = {} } = services["bridge-1"] ?? {};
  expect(entrypoint.filter((part) => part.startsWith("--"))).toEqual(flags);
  const set = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  expect(unit).toContain(`Environment=${set.join(" ")}\n`);
});

test("the commands at the head of compose.yaml name what is there", async () => {
  const head = (await read("docs/compose/compose.yaml")).split("\nname:")[0] ?? "";
  const { name, services, networks } = await readCompose();
  const runs = [...head.matchAll(/docker compose run --rm --no-deps (\S+) .*\/etc\/veilmq\//g)];
  expect(runs.length).toBeGreaterThan(1);
  for (const [, service = ""] of runs) {
    expect(services[service]?.image).toBe("veilmq");
    expect(services[service]?.volumes).toContain("./etc:/etc/veilmq");
  }
  const network = /--network (\S+)/.exec(head)?.[1];
  expect(Object.keys(networks).map((net) => `${name}_${net}`)).toContain(network);
});

async function readCompose(): Promise<z.output<typeof composeSchema>> {
  return composeSchema.parse(parse(await read("docs/compose/compose.yaml"), { merge: true }));
}
