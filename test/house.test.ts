/**
 * The arrows of the house and its cycles: an import against them must fail `npm run check`. A little house, in which each
 * line breaks one rule or none, is judged by the table of arrows and, for cycles, by the linter with our biome.json. And a
 * rule for the tests themselves.
 */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ARROWS = resolve("test/house/arrows.mjs");
const BIOME = resolve("node_modules/@biomejs/biome/bin/biome");

const FORBIDDEN: readonly [path: string, specifier: string][] = [
  ["core/scheme/x.ts", "../wire/mqtt.ts"],
  ["core/scheme/x.ts", "../runtime/log.ts"],
  ["core/scheme/x.ts", "node:fs/promises"],
  ["core/scheme/rsa/client.ts", "./owner.ts"],
  ["core/scheme/rsa/proxy.ts", "./client.ts"],
  ["core/scheme/owner.ts", "./proxy.ts"],
  ["core/wire/x.ts", "../scheme/client.ts"],
  ["core/wire/x.ts", "../runtime/log.ts"],
  ["core/wire/x.ts", "node:net"],
  ["core/runtime/x.ts", "../wire/mqtt.ts"],
  ["core/ports/kafka/x.ts", "../../scheme/tag.ts"],
  ["core/ports/kafka/x.ts", "../../../bridge/bridge.ts"],
  ["bridge/x.ts", "../core/scheme/client.ts"],
  ["bridge/x.ts", "../core/scheme/rsa/owner.ts"],
  ["bridge/http/x.ts", "../../core/scheme/record/open.ts"],
  ["bridge/x.ts", "../kms/init.ts"],
  ["bridge/x.ts", "../agent/device/agent.ts"],
  ["bridge/x.ts", "kafkajs"],
  ["agent/device/x.ts", "../../core/ports/kafka/client.ts"],
  ["agent/device/x.ts", "../../core/ports/zookeeper/client.ts"],
  ["agent/device/x.ts", "../../core/scheme/proxy.ts"],
  ["agent/device/x.ts", "../consumer/consumer.ts"],
  ["agent/device/serial/x.ts", "serialport"],
  ["agent/consumer/x.ts", "../../core/ports/serial/port.ts"],
  ["agent/consumer/x.ts", "../../core/ports/mqtt/client.ts"],
  ["agent/consumer/x.ts", "../../core/scheme/owner.ts"],
  ["agent/dashboard/x.ts", "../device/agent.ts"],
  ["agent/dashboard/x.ts", "../../bridge/bridge.ts"],
  ["agent/dashboard/x.ts", "../../core/scheme/owner.ts"],
  ["kms/x.ts", "../bridge/bridge.ts"],
  ["kms/x.ts", "../core/ports/kafka/client.ts"],
  ["core/errors.ts", "./runtime/log.ts"],
  ["core/errors.ts", "node:fs"],
  ["core/x.ts", "./errors.ts"],
  ["core/scheme/rsa/modulus.ts", "./owner.ts"],
  ["core/scheme/rsa/modulus.ts", "./safe-primes.ts"],
  ["core/scheme/rsa/proxy.ts", "./safe-primes.ts"],
  ["core/scheme/p256/proxy.ts", "./random-scalar.ts"],
  ["core/scheme/context.ts", "./client.ts"],
  ["core/scheme/rsa/client.ts", "../vectors/rsa.ts"],
  ["core/scheme/x.ts", "node:timers"],
  ["core/scheme/x.ts", "zod"],
  ["core/wire/x.ts", "../scheme/record/seal.ts"],
  ["core/wire/x.ts", "../scheme/record/open.ts"],
  ["core/wire/x.ts", "../scheme/record/key.ts"],
  ["core/wire/x.ts", "../scheme/arithmetic.ts"],
  ["core/wire/x.ts", "../scheme/symmetric/key.ts"],
  ["core/runtime/x.ts", "../ports/tls/file.ts"],
  ["core/ports/kafka/x.ts", "aedes"],
  ["core/ports/http/x.ts", "kafkajs"],
  ["core/ports/mqtt/x.ts", "../kafka/client.ts"],
  ["bridge/x.ts", "../core/scheme/symmetric/key.ts"],
  ["bridge/x.ts", "../core/scheme/symmetric/wrapping.ts"],
  ["bridge/x.ts", "../core/scheme/hmac/macs.ts"],
  ["bridge/x.ts", "../core/scheme/pki/macs.ts"],
  ["bridge/x.ts", "../core/scheme/rsa/safe-primes.ts"],
  ["bridge/x.ts", "../core/scheme/p256/random-scalar.ts"],
  ["bridge/x.ts", "../core/scheme/vectors/rsa.ts"],
  ["bridge/x.ts", "../core/scheme/context.ts"],
  ["bridge/x.ts", "../core/ports/serial/serial.ts"],
  ["bridge/x.ts", "../packaging/bundle.ts"],
  ["bridge/x.ts", "../test/support/broker.ts"],
  ["agent/x.ts", "../core/scheme/owner.ts"],
  ["agent/x.ts", "../core/scheme/proxy.ts"],
  ["agent/x.ts", "../core/ports/kafka/client.ts"],
  ["agent/x.ts", "./device/agent.ts"],
  ["agent/x.ts", "./consumer/consumer.ts"],
  ["agent/x.ts", "./dashboard/server.ts"],
  ["agent/device/x.ts", "../../core/scheme/record/open.ts"],
  ["agent/consumer/x.ts", "../../core/scheme/record/seal.ts"],
  ["agent/dashboard/x.ts", "./page/main.ts"],
  ["agent/dashboard/page/x.ts", "node:fs"],
  ["agent/dashboard/page/x.ts", "../../../core/errors.ts"],
  ["agent/dashboard/page/x.ts", "../server.ts"],
  ["kms/x.ts", "../core/scheme/client.ts"],
  ["kms/x.ts", "../packaging/deb.ts"],
  ["cli/x.ts", "../demo/run.ts"],
  ["cli/x.ts", "../test/support/broker.ts"],
  ["cli/x.ts", "../packaging/deb.ts"],
  ["cli/x.ts", "kafkajs"],
  ["demo/x.ts", "../test/support/broker.ts"],
  ["demo/x.ts", "../packaging/deb.ts"],
  ["packaging/x.ts", "../bridge/bridge.ts"],
];

const ALLOWED: readonly [path: string, specifier: string][] = [
  ["core/wire/x.ts", "../scheme/bytes.ts"],
  ["core/ports/kafka/x.ts", "../../runtime/backoff.ts"],
  ["core/ports/kafka/x.ts", "kafkajs"],
  ["bridge/x.ts", "../core/scheme/proxy.ts"],
  ["bridge/x.ts", "../core/scheme/record/header.ts"],
  ["agent/device/x.ts", "../../core/ports/mqtt/client.ts"],
  ["agent/consumer/x.ts", "../../core/ports/kafka/consumer.ts"],
  ["agent/dashboard/x.ts", "../consumer/consumer.ts"],
  ["kms/x.ts", "../core/scheme/owner.ts"],
  ["cli/x.ts", "../bridge/bridge.ts"],
  ["core/scheme/client.ts", "./rsa/client.ts"],
  ["core/scheme/rsa/owner.ts", "./safe-primes.ts"],
  ["core/scheme/vectors/rsa.ts", "../rsa/owner.ts"],
  ["agent/x.ts", "../core/errors.ts"],
  ["agent/dashboard/page/x.ts", "../wire.ts"],
  ["demo/x.ts", "../cli/main.ts"],
  ["test/x.ts", "../packaging/deb.ts"],
];

/** Imports by other ways than a plain one; none may pass. */
const OTHER_WAYS = [
  'import "../kms/init.ts";',
  'export * from "../kms/init.ts";',
  'import type { Kms } from "../kms/init.ts";',
  'type Kms = import("../kms/init.ts").Kms;',
  'const kms = await import("../kms/init.ts");',
  "const kms = await import(process.argv[2]);",
];

const CYCLE = { "kms/ping.ts": "./pong.ts", "kms/pong.ts": "./ping.ts" };
const CYCLE_OF_TYPES = { "kms/tick.ts": "./tock.ts", "kms/tock.ts": "./tick.ts" };

let house: string;
const lines = new Map<string, string[]>();

/** Adds a line to a file of the house; returns where it is, as both judges print it. */
function build(path: string, line: string): string {
  const known = lines.get(path) ?? [];
  lines.set(path, known);
  return `${path}:${known.push(line)}:`;
}

const plain = ([path, specifier]: readonly [string, string]) => ({
  path,
  specifier,
  place: build(path, `import "${specifier}";`),
});
const forbidden = FORBIDDEN.map(plain);
const allowed = ALLOWED.map(plain);
const otherWays = OTHER_WAYS.map((line) => ({ line, place: build("bridge/ways.ts", line) }));
for (const [path, to] of Object.entries(CYCLE)) build(path, `export { x } from "${to}";`);
for (const [path, to] of Object.entries(CYCLE_OF_TYPES)) {
  build(path, `export type { X } from "${to}";`);
}

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "house-"));
  copyFileSync("biome.json", join(house, "biome.json"));
  for (const [path, text] of lines) {
    mkdirSync(dirname(join(house, path)), { recursive: true });
    writeFileSync(join(house, path), `${text.join("\n")}\n`);
  }
});

afterAll(() => rmSync(house, { recursive: true }));

const run = (program: string, ...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], { cwd: house, encoding: "utf8" });

describe("the table of arrows", () => {
  let refused: readonly string[];

  beforeAll(() => {
    const { status, stderr } = run(ARROWS);
    expect(status).toBe(1);
    refused = stderr.split("\n");
  });

  const isRefused = (place: string): boolean => refused.some((line) => line.startsWith(place));

  test.each(forbidden)("refuses $path importing $specifier", ({ place }) => {
    expect(isRefused(place)).toBe(true);
  });

  test.each(allowed)("lets $path import $specifier", ({ place }) => {
    expect(isRefused(place)).toBe(false);
  });

  test.each(otherWays)("refuses $line", ({ place }) => {
    expect(isRefused(place)).toBe(true);
  });

  test("is asked by npm run check", () => {
    const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(scripts.check.split(" && ")).toContain("node test/house/arrows.mjs");
  });
});

test("the linter refuses import cycles, of types too", () => {
  const { stdout } = run(
    BIOME,
    ...["lint", "--vcs-enabled=false", "--max-diagnostics=none", "--reporter=github"],
  );
  const found = stdout.matchAll(/^::error title=lint\/suspicious\/noImportCycles,file=([^,]+),/gm);
  expect([...found].map(([, file = ""]) => relative(house, resolve(house, file))).sort()).toEqual(
    [...Object.keys(CYCLE), ...Object.keys(CYCLE_OF_TYPES)].sort(),
  );
});

/** The lines of `text` whose `vi.waitFor` has no second argument: it gives up after a second. */
function impatientLines(text: string): number[] {
  return [...text.matchAll(/\bvi\s*\.waitFor\(/g)].flatMap(({ index, 0: call }) => {
    let depth = 1;
    for (let at = index + call.length; depth > 0 && at < text.length; at++) {
      const character = text[at] ?? "";
      if ("([{".includes(character)) depth++;
      if (")]}".includes(character)) depth--;
      if (character === "," && depth === 1 && !/^,\s*\)/.test(text.slice(at))) return [];
    }
    return [text.slice(0, index).split("\n").length];
  });
}

test("no test waits for a second only: `expect.poll` and `until` are patient, `vi.waitFor` is told", () => {
  const bare = "await vi.waitFor(() => expect(f(1, 2)).toBe(3));";
  const wrapped = "await vi.waitFor(\n  async () => f(1, 2),\n);";
  const told = "await vi.waitFor(async () => f(1, 2), WAIT);";
  expect(impatientLines([told, bare, wrapped].join("\n"))).toEqual([2, 3]);
  const impatient = readdirSync("test", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith("house.test.ts"))
    .flatMap((file) =>
      impatientLines(readFileSync(join("test", file), "utf8")).map((line) => `${file}:${line}`),
    );
  expect(impatient).toEqual([]);
});
