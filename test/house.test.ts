/**
 * The arrows of the house: an import against them must fail the linter, so `npm run check` fails. A little house with
 * our biome.json, in which each file breaks one rule or none, is linted in one run. And a rule for the tests themselves.
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
import { beforeAll, describe, expect, test } from "vitest";

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
];

const CYCLE = { "kms/ping.ts": "./pong.ts", "kms/pong.ts": "./ping.ts" };

interface Finding {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
}

/** Lints a house of `files` (path → the specifiers it imports, one a line). */
function lint(files: ReadonlyMap<string, readonly string[]>): Finding[] {
  const house = mkdtempSync(join(tmpdir(), "house-"));
  try {
    copyFileSync("biome.json", join(house, "biome.json"));
    for (const [path, specifiers] of files) {
      const lines = specifiers.map((specifier, n) => `export { x${n} } from "${specifier}";\n`);
      mkdirSync(dirname(join(house, path)), { recursive: true });
      writeFileSync(join(house, path), lines.join(""));
    }
    const options = ["--vcs-enabled=false", "--max-diagnostics=none", "--reporter=github"];
    const run = spawnSync(process.execPath, [BIOME, "lint", ...options], {
      cwd: house,
      encoding: "utf8",
    });
    const pattern = /^::error title=lint\/\w+\/(\w+),file=([^,]+),line=(\d+)/gm;
    return [...run.stdout.matchAll(pattern)].map(([, rule = "", file = "", line]) => ({
      rule,
      file: relative(house, file),
      line: Number(line),
    }));
  } finally {
    rmSync(house, { recursive: true });
  }
}

describe("the linter", () => {
  const files = new Map<string, string[]>();
  const placed = new Map<string, { file: string; line: number }>();
  let findings: Finding[] = [];

  beforeAll(() => {
    for (const [path, specifier] of [...FORBIDDEN, ...ALLOWED, ...Object.entries(CYCLE)]) {
      const specifiers = files.get(path) ?? [];
      specifiers.push(specifier);
      files.set(path, specifiers);
      placed.set(`${path} ${specifier}`, { file: path, line: specifiers.length });
    }
    findings = lint(files);
  });

  const refused = (path: string, specifier: string): boolean =>
    findings.some((finding) => {
      const place = placed.get(`${path} ${specifier}`);
      return (
        finding.rule === "noRestrictedImports" &&
        finding.file === place?.file &&
        finding.line === place.line
      );
    });

  test.each(FORBIDDEN)("refuses %s importing %s", (path, specifier) => {
    expect(refused(path, specifier)).toBe(true);
  });

  test.each(ALLOWED)("lets %s import %s", (path, specifier) => {
    expect(refused(path, specifier)).toBe(false);
  });

  test("refuses an import cycle", () => {
    const cycles = findings.filter((finding) => finding.rule === "noImportCycles");
    expect(cycles.map((finding) => finding.file).sort()).toEqual(Object.keys(CYCLE).sort());
  });
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
