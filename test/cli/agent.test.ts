import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { stringify } from "yaml";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { openPty } from "../../demo/pty/pty.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { testFolder } from "../support/folder.ts";
import { veilmq } from "./veilmq.ts";

describe("agent run", () => {
  test("tells every problem of agent.yaml and starts nothing", async () => {
    const folder = await testFolder();
    await writeFile(join(folder, "agent.yaml"), "ports: none\ncolour: red\n");
    const { code, stdout, stderr } = await veilmq(
      ["agent", "run", "--config", "agent.yaml"],
      folder,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.split("\n")).toEqual([
      "veilmq: error: 4 problem(s) in agent.yaml",
      "  agent.yaml:1: credential: is missing: the file that `veilmq kms enrol` made",
      "  agent.yaml:1: stateDir: is missing: the folder for the outbox",
      expect.stringMatching(/^ {2}agent\.yaml:1: ports: /),
      expect.stringMatching(/^ {2}agent\.yaml:2: colour: /),
      "",
    ]);
  });

  test("says where an example is", async () => {
    expect(await veilmq(["agent", "run", "--config", "nowhere.yaml"])).toEqual({
      code: 1,
      stdout: "",
      stderr:
        "veilmq: error: cannot read nowhere.yaml: it is not there\nveilmq: hint: `veilmq agent run --help` shows an example\n",
    });
    const { code, stdout } = await veilmq(["agent", "run", "--help"]);
    expect(code).toBe(0);
    expect(stdout).toContain("profile: json-lines");
  });
});

describe("agent status", () => {
  test("asks a running agent, as text and as JSON", async () => {
    const folder = await testFolder();
    const pty = await openPty({ link: join(folder, "tty0") });
    onTestFinished(() => pty.close());
    const { credential } = fieldTenant().enrol("probe-1", { topics: ["t"], urls: [] });
    await replaceSecretFile(join(folder, "c"), encodeCredential(credential));
    await writeFile(
      join(folder, "agent.yaml"),
      stringify({
        credential: "c",
        stateDir: "state",
        ports: [{ path: pty.path, profile: "json-lines", topic: "t" }],
        bridge: { urls: ["mqtt://127.0.0.1:1"] },
        log: { level: "silent" },
      }),
    );
    const args = [resolve("dist/cli/main.js"), "agent", "run", "--config", "agent.yaml"];
    const agent = spawn(process.execPath, args, { cwd: folder, stdio: "ignore" });
    onTestFinished(() => void agent.kill("SIGKILL"));
    const ask = (...more: string[]) =>
      veilmq(["agent", "status", "--config", "agent.yaml", ...more], folder);
    await vi.waitFor(
      async () => {
        await pty.write('{"a":1}\n');
        expect((await ask()).stdout).toMatch(/readings {2}[1-9]\d* taken, 0 refused/);
      },
      { timeout: 60_000, interval: 300 },
    );
    const text = await ask();
    expect(text.code).toBe(0);
    expect(text.stdout.split("\n")).toEqual([
      "probe-1 of field",
      expect.stringMatching(/^port 0 {2}\S+tty0 {2}json-lines {2}open$/),
      expect.stringMatching(/frames, 0 of them unreadable; 0 bytes of noise$/),
      expect.stringMatching(/^ {8}newest on disk: [\w-]{22}:\d+$/),
      expect.stringMatching(/^readings /),
      expect.stringMatching(/^records {3}0 acknowledged, \d+ waiting, 0 rejected, 0 dropped$/),
      expect.stringMatching(/^uplink {4}\w+( \(UNAVAILABLE: .*\))?, window 0$/),
      expect.stringMatching(/^outbox {4}\d+ entries, \d+ bytes on disk$/),
      "keys      epoch 1",
      "",
    ]);
    const { stdout } = await ask("--json");
    expect(JSON.parse(stdout)).toMatchObject({ client: "probe-1", acknowledged: 0 });
    agent.kill("SIGTERM");
    expect(await once(agent, "exit")).toEqual([0, null]);
    expect(await ask()).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /^veilmq: error: nobody answers on .*agent\.sock\nveilmq: hint: does it run\?/,
      ),
    });
  });

  test("asks which agent", async () => {
    expect(await veilmq(["agent", "status"])).toEqual({
      code: 1,
      stdout: "",
      stderr: "veilmq: error: which agent?\nveilmq: hint: give --config FILE or --socket PATH\n",
    });
  });
});
