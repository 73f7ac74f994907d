/** The package as npm installs it for everybody on a machine: `npm install --global` of what `npm pack` makes. */
import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { testFolder } from "../support/folder.ts";

const execute = promisify(execFile);
/** Whatever hangs is named, long before the test's own time is over. */
const run = (program: string, options: string[], env = process.env) =>
  execute(program, options, { env, timeout: 240_000, killSignal: "SIGKILL" });
const QUIET = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline"];
/** A registry that stops in the middle of an answer is asked again; npm itself would wait five minutes for it. */
const IMPATIENT = ["--fetch-timeout=20000", "--fetch-retries=5"];

/** What hints and help on a user's screen refer to. */
async function namedDocuments(): Promise<string[]> {
  const { stdout } = await run("grep", ["-rhoE", "docs/[a-z-]+\\.md", "cli", "bridge/check"]);
  return [...new Set(stdout.trim().split("\n"))];
}

test("installs for everybody, compiles nothing, and runs", async () => {
  const folder = await testFolder();
  // As built: `prepack` would build it again while other tests use dist/.
  const options = ["--json", "--ignore-scripts", "--pack-destination", folder];
  const packed = await run("npm", ["pack", ...options, ...QUIET]);
  const [{ filename, files }] = JSON.parse(packed.stdout);
  const paths: string[] = files.map(({ path }: { path: string }) => path);
  expect(paths).toContain("systemd/veilmq-agent.service");
  expect(paths).toEqual(expect.arrayContaining(await namedDocuments()));
  expect(paths.filter((path) => /^dist\/(test|demo|packaging|bundle|deb)\//.test(path))).toEqual(
    [],
  );
  // A path that is no compiler: whoever asks for one fails.
  const env = {
    ...process.env,
    CC: "/bin/false",
    CXX: "/bin/false",
    npm_config_build_from_source: "",
  };
  const archive = join(folder, filename);
  const install = ["install", "--global", "--prefix", folder, ...QUIET, ...IMPATIENT];
  await run("npm", [...install, archive], env);
  const veilmq = join(folder, "bin", "veilmq");
  expect((await run(veilmq, ["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  await access(join(folder, "lib/node_modules/veilmq/devices/json-lines.yaml"));
  // As far as the agent gets without a configuration: all that it needs is loaded by then.
  const failed = await run(veilmq, ["agent", "run", "--config", join(folder, "none.yaml")]).catch(
    ({ stderr }: { stderr: string }) => stderr,
  );
  expect(failed).toMatch(/^veilmq: error: cannot read .*none\.yaml: it is not there$/m);
}, 300_000);
