/** `npm run bench -- …` as it is run, with the quickest benchmark. What it measures is not judged. */
import { execFile } from "node:child_process";
import { expect, test } from "vitest";
import { packageFile } from "../../core/runtime/package.ts";

const MAIN = packageFile("dist", "test", "bench", "main.js");

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function bench(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

test("gives every role of every suite and both sides of a match, as JSON on stdout", async () => {
  const { code, stdout, stderr } = await bench("scheme", "--quick", "--json");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^roles, rounds: 0 of 1/)]);
  const { name, quick, findings } = JSON.parse(stdout);
  expect({ name, quick }).toEqual({ name: "scheme", quick: true });
  const [roles, records, match] = findings.sections.map(({ table }: { table: unknown }) => table);
  expect(roles.rows.map(([suite]: [string]) => suite)).toEqual(["rsa 2048", "p256", "hmac", "pki"]);
  expect(roles.rows[0].slice(1)).toEqual(roles.columns.slice(1).map(() => expect.any(Number)));
  expect(records.rows).toHaveLength(12);
  expect(match.rows.map(([topics]: [number]) => topics)).toEqual([10, 100]);
  expect(stdout).not.toContain("<svg");
});

test("makes, verifies and rotates a fleet of either kind of suite", async () => {
  const { code, stdout } = await bench("kms", "--quick", "--json");
  expect(code).toBe(0);
  const [fleet] = JSON.parse(stdout).findings.sections;
  expect(fleet.table.rows.map(([what, clients]: [string, number]) => [what, clients])).toEqual([
    ["enrol --csv, p256", 20],
    ["verify, p256", 20],
    ["rotate, p256", 20],
    ["enrol --csv, rsa-2048", 4],
    ["verify, rsa-2048", 4],
    ["rotate, rsa-2048", 4],
  ]);
});

test("names its benchmarks, and refuses others", async () => {
  const help = await bench("--help");
  expect(help.code).toBe(0);
  for (const name of ["scheme", "revocation", "kms"]) expect(help.stdout).toContain(`\n  ${name} `);
  const unknown = await bench("speed");
  expect([unknown.code, unknown.stdout]).toEqual([2, ""]);
  expect(unknown.stderr).toContain("Allowed choices are");
});
