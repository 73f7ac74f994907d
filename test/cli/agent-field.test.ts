/** `veilmq agent check|import|outbox`: transcripts, with a real line, outbox and bridge. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parse, stringify } from "yaml";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { sealUnderPassphrase } from "../../kms/age.ts";
import { line, makeField, range, startAgent, WAIT } from "../flow/field.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { testFolder } from "../support/folder.ts";
import { veilmqHere } from "./in-process.ts";
import { veilmq } from "./veilmq.ts";

const FAST_SCRYPT = 10;

describe("agent check", () => {
  test("has a line for everything, and logs in to the bridge", async () => {
    const { config, bridge } = await makeField({ lines: 2 });
    const { code, stdout } = await veilmq(["agent", "check", "--config", config]);
    expect(stdout.split("\n")).toEqual([
      expect.stringMatching(/^ok {4}configuration {2}.*agent\.yaml: 2 port\(s\)$/),
      "ok    profile        json-lines: One JSON object a line",
      "ok    credential     probe-1 of field, epoch 1, serial 1, 1 topic(s) to publish",
      expect.stringMatching(/^ok {4}port {11}.*tty0: json-lines, 115200 baud$/),
      expect.stringMatching(/^ok {4}port {11}.*tty1: json-lines, 115200 baud$/),
      expect.stringMatching(/^(ok|warn) {2,4}clock {10}/),
      expect.stringMatching(
        /^(ok|warn) {2,4}disk {11}.*state: \d+ MiB free, the outbox may take 1024 MiB$/,
      ),
      expect.stringMatching(/^ok {4}bridge {9}mqtt:.*: logged in as probe-1$/),
      "",
    ]);
    expect(code).toBe(0);
    expect(bridge.connects).toBe(1);
  });

  test("tells all that is wrong at once, also where the file itself is", async () => {
    const { config, bridge, ptys } = await makeField();
    await ptys[0]?.close();
    await bridge.stop();
    const broken = await veilmqHere(["agent", "check", "--config", config, "--json"]);
    expect(broken.code).toBe(1);
    const findings: { level: string; what: string }[] = JSON.parse(broken.stdout);
    const failed = findings.filter(({ level }) => level === "FAIL").map(({ what }) => what);
    expect(failed).toEqual(["port", "bridge"]);
    await writeFile(
      config,
      "credential: nowhere\nports: [{ path: /dev/x, profile: none, topic: t }]\n",
    );
    const { code, stdout } = await veilmqHere(["agent", "check", "--config", config]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAIL {2}configuration {2}/);
    expect(stdout).toContain("\nFAIL  profile        there is no device profile none");
    expect(stdout).toContain("\nFAIL  credential     ");
  });

  test("asks a running agent instead of taking its ports and its session", async () => {
    const field = await makeField();
    const { agent } = await startAgent(field);
    await vi.waitFor(() => expect(agent.status().uplink.state).toBe("connected"), WAIT);
    const { code, stdout } = await veilmqHere(["agent", "check", "--config", field.config]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nok {4}port {11}.*: open in the running agent, 0 frame\(s\) so far\n/);
    expect(stdout).toMatch(/\nok {4}bridge {9}.*: the running agent is connected\n/);
    expect(field.bridge.connects).toBe(1);
  });
});

describe("agent import", () => {
  const { credential } = fieldTenant().enrol("probe-1", { topics: ["t"], urls: [] });
  const text = encodeCredential(credential);

  test("puts a credential where agent.yaml names it, for its owner alone", async () => {
    const folder = await testFolder();
    await writeFile(join(folder, "carried"), text);
    await writeFile(join(folder, "agent.yaml"), "credential: own.json\n");
    const args = ["agent", "import", "carried", "--config", "agent.yaml"];
    const { code, stderr } = await veilmq(args, folder);
    expect(stderr).toMatch(
      /^veilmq: probe-1 of field, epoch 1, serial 1, 1 topic\(s\): now in .*own\.json, mode 0600\n$/,
    );
    expect(code).toBe(0);
    expect((await stat(join(folder, "own.json"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, "own.json"), "utf8")).toBe(text.toString());
    expect((await veilmqHere(args, folder)).code).toBe(0);
  });

  test("opens the age file that it travelled in", async () => {
    const folder = await testFolder();
    await writeFile(
      join(folder, "carried.age"),
      await sealUnderPassphrase(text, "four good words", FAST_SCRYPT),
    );
    await replaceSecretFile(join(folder, "p"), "four good words\n");
    await replaceSecretFile(join(folder, "q"), "four bad words\n");
    const args = ["agent", "import", "carried.age", "--to", "own.json", "--passphrase-file"];
    expect(await veilmqHere([...args, "q"], folder)).toMatchObject({ code: 1, stdout: "" });
    expect((await veilmqHere([...args, "p"], folder)).code).toBe(0);
    expect(await readFile(join(folder, "own.json"), "utf8")).toBe(text.toString());
  });

  test("replaces no newer one, no other client's, and nothing by what is no credential", async () => {
    const folder = await testFolder();
    const own = join(folder, "own.json");
    await replaceSecretFile(own, encodeCredential({ ...credential, serial: 9 }));
    await writeFile(join(folder, "old"), text);
    await writeFile(join(folder, "other"), encodeCredential({ ...credential, client: "probe-2" }));
    await writeFile(join(folder, "junk"), "{}");
    const run = (file: string, ...more: string[]) =>
      veilmqHere(["agent", "import", file, "--to", "own.json", ...more], folder);
    expect((await run("old")).stderr).toContain("has a newer one: serial 9, not 1");
    expect((await run("other")).stderr).toContain("is the credential of probe-1 of field");
    expect((await run("junk")).code).toBe(1);
    expect(JSON.parse(await readFile(own, "utf8"))).toMatchObject({ serial: 9 });
    expect((await run("old", "--force")).code).toBe(0);
    expect((await veilmqHere(["agent", "import", "old"], folder)).stderr).toContain("where to?");
  });

  test("takes no consumer's", async () => {
    const folder = await testFolder();
    const topics = [{ name: "plant/boiler", ops: ["sub" as const] }];
    await writeFile(join(folder, "desk"), encodeCredential({ ...credential, topics }));
    const { code, stderr } = await veilmqHere(
      ["agent", "import", "desk", "--to", "own.json"],
      folder,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("hint: it is a consumer's");
    expect(await readdir(folder)).toEqual(["desk"]);
  });
});

describe("agent outbox", () => {
  test("what a device took far from any network is carried out, in, and sent by another machine", async () => {
    const field = await makeField();
    const { bridge, config, counts, ptys } = field;
    await bridge.stop();
    const { agent } = await startAgent(field);
    const busy = await veilmqHere(["agent", "outbox", "show", "--config", config]);
    expect(busy).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("the agent is running"),
    });
    await ptys[0]?.write(range(0, 50).map(line).join(""));
    await vi.waitFor(() => expect(agent.status().taken).toBe(50), WAIT);
    await agent.stop();

    const shown = await veilmqHere(["agent", "outbox", "show", "--config", config]);
    expect(shown.stdout.split("\n")).toEqual([
      expect.stringMatching(/^51 entries, \d+ bytes on disk, 0 rejected$/),
      expect.stringMatching(
        /^stream [0-9a-f]{8} {2}epoch 1 {2}50 records, 1 key announcements {2}20\S+Z to 20\S+Z$/,
      ),
      "",
    ]);

    const folder = await testFolder();
    const carried = join(folder, "stick.outbox");
    const exported = await veilmq(["agent", "outbox", "export", "--config", config, carried]);
    expect(exported).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("51 entries of probe-1"),
    });
    expect(
      (await veilmqHere(["agent", "outbox", "export", "--config", config, carried])).code,
    ).toBe(1);

    await bridge.start(0);
    const carrier = join(folder, "agent.yaml");
    const urls = [`mqtt://127.0.0.1:${bridge.port}`];
    const own = parse(await readFile(config, "utf8"));
    await writeFile(carrier, stringify({ ...own, stateDir: "state", ports: [], bridge: { urls } }));
    const imported = await veilmqHere(["agent", "outbox", "import", "--config", carrier, carried]);
    expect(imported).toMatchObject({ code: 0, stderr: expect.stringContaining("51 entries are") });
    const other = await startAgent({ ...field, config: carrier });
    await vi.waitFor(() => expect(counts()).toEqual(range(0, 50)), WAIT);
    await other.agent.stop();

    const bytes = await readFile(carried);
    await writeFile(carried, bytes.subarray(0, bytes.length - 9));
    const torn = await veilmqHere(["agent", "outbox", "import", "--config", carrier, carried]);
    expect(torn).toMatchObject({ code: 1, stderr: expect.stringContaining("is cut off") });
    await writeFile(carried, bytes.toString("latin1").replace("probe-1", "probe-2"), "latin1");
    const foreign = await veilmqHere(["agent", "outbox", "import", "--config", carrier, carried]);
    expect(foreign.stderr).toContain("is of probe-2 of field");
  });
});

test.each(["check", "import", "outbox show", "outbox export", "outbox import"])(
  "agent %s --help teaches with an example",
  async (command) => {
    const { code, stdout } = await veilmqHere(["agent", ...command.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}.*veilmq agent ${command}`));
  },
);
