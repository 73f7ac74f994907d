/**
 * The arrows of the house (docs/DESIGN.md): who may import what. `npm run check` runs this file, before anything is
 * compiled; it names each import that no row allows, and fails. Types count as much as values.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync, Visitor } from "rolldown/utils";

/** What every daemon may know. */
const BASE = "core/errors.ts core/runtime/.* core/wire/.* node:.*";
const PORT = "core/errors.ts core/runtime/.* node:.*";
/** The scheme without its roles, its randomness, records and vectors. */
const SCHEME = `core/errors.ts node:crypto @noble/.* lru-cache
  core/scheme/(arithmetic|bytes|context|ed25519|suite|tag).ts
  core/scheme/rsa/(exponentiation|hash-to-group|modulus).ts
  core/scheme/p256/(curve|hash-to-curve).ts
  core/scheme/(hmac|pki)/macs.ts core/scheme/pki/subscription.ts
  core/scheme/symmetric/(key|wrapping).ts
  core/scheme/paper/power.ts`;

/**
 * Zone → what its files may import: regular expressions for whole paths from the root and for packages. A file belongs
 * to the first zone that fits it.
 */
const ARROWS = {
  "core/[^/]+": "",
  "core/scheme/vectors/.*": `${SCHEME} core/scheme/.*`,
  "core/scheme/(.+/)?client.ts": `${SCHEME} core/scheme/.+/(client|random-scalar).ts`,
  "core/scheme/(.+/)?proxy.ts": `${SCHEME} core/scheme/.+/proxy.ts`,
  "core/scheme/(.+/)?owner.ts": `${SCHEME} core/scheme/.+/(owner|random-scalar|safe-primes).ts`,
  "core/scheme/record/.*": `${SCHEME} core/scheme/record/.*`,
  "core/scheme/.*": SCHEME,
  "core/wire/.*": `core/errors.ts core/wire/.* node:crypto age-encryption zod
    core/scheme/(bytes|ed25519|suite|tag|record/header).ts`,
  "core/runtime/.*": `${PORT} lru-cache pino prom-client yaml zod`,
  "core/ports/http/.*": `${PORT} core/wire/.* core/ports/(http|tls)/.* undici zod`,
  "core/ports/kafka/.*": `${PORT} core/ports/kafka/.* kafkajs pino zod`,
  "core/ports/mqtt/.*": `${PORT} core/wire/.* core/ports/(mqtt|tls)/.* aedes mqtt mqtt-packet pino`,
  "core/ports/serial/.*": `${PORT} core/ports/serial/.* serialport zod`,
  "core/ports/tls/.*": `${PORT} core/ports/tls/.* zod`,
  "core/ports/zookeeper/.*": `${PORT} core/ports/zookeeper/.* node-zookeeper-client`,
  "agent/[^/]+": `${BASE} agent/[^/]+`,
  "agent/device/.*": `${BASE} agent/[^/]+ agent/device/.* re2js zod
    core/ports/(http|mqtt|serial|tls)/.*
    core/scheme/(bytes|client|context|suite).ts core/scheme/record/(header|key|seal).ts`,
  "agent/consumer/.*": `${BASE} agent/[^/]+ agent/consumer/.* lru-cache zod
    core/ports/(http|kafka|tls)/.*
    core/scheme/(client|context|suite).ts core/scheme/record/(header|key|open).ts`,
  "agent/dashboard/page/.*": "agent/dashboard/(page/.*|wire.ts) uplot",
  "agent/dashboard/.*": `${BASE} agent/[^/]+ agent/dashboard/[^/]+ agent/consumer/.* zod
    core/ports/(http|kafka|zookeeper)/.* core/scheme/(bytes|record/header).ts`,
  "bridge/.*": `${BASE} bridge/.* age-encryption classic-level fastify lru-cache prom-client zod
    core/ports/(http|kafka|mqtt|tls|zookeeper)/.*
    core/scheme/(bytes|proxy|suite|tag|record/header).ts`,
  "kms/.*": `${BASE} kms/.* core/scheme/(bytes|owner|rsa/modulus).ts age-encryption zod`,
  "cli/.*": "(agent|bridge|cli|core|kms)/.* node:.* age-encryption commander zod",
  "demo/.*": "(agent|bridge|cli|core|demo|kms)/.* node:.* commander pino yaml zod",
  "packaging/.*": `${PORT} packaging/.* commander rolldown zod`,
  "test/.*": ".*",
};

/** Whether one of the patterns, with white space between them, fits all of the text. */
const fits = (text, patterns) =>
  patterns.split(/\s+/).some((pattern) => new RegExp(`^(${pattern})$`).test(text));

/** The imports of one file, dynamic ones and those of types too: to a path from the root, or to a package. */
function importsOf(path) {
  const text = readFileSync(path, "utf8");
  const found = [];
  const add = ({ source, start }) => {
    if (!source) return;
    const to = source.value ?? "a computed name";
    const line = text.slice(0, start).split("\n").length;
    found.push({ line, to: to.startsWith(".") ? join(dirname(path), to) : to });
  };
  new Visitor({
    ImportDeclaration: add,
    ExportAllDeclaration: add,
    ExportNamedDeclaration: add,
    ImportExpression: add,
    TSImportType: add,
  }).visit(parseSync(path, text).program);
  return found;
}

const folders = new Set(Object.keys(ARROWS).map((zone) => zone.slice(0, zone.indexOf("/"))));
const files = readdirSync(".")
  .filter((name) => folders.has(name))
  .flatMap((name) => readdirSync(name, { recursive: true }).map((path) => join(name, path)))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"));

for (const path of files) {
  const [zone, allowed] = Object.entries(ARROWS).find(([zone]) => fits(path, zone)) ?? [];
  for (const { line, to } of importsOf(path)) {
    if (allowed !== undefined && fits(to, allowed)) continue;
    console.error(`${path}:${line}: ${zone ?? "what is in no zone"} may not import ${to}`);
    process.exitCode = 1;
  }
}
