import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { credentialPathOf, loadAgentSettings, socketPathOf } from "../../../agent/device/config.ts";
import { isVeilError } from "../../../core/errors.ts";
import { replaceFile, replaceSecretFile } from "../../../core/runtime/files.ts";
import { encodeCredential } from "../../../core/wire/credential.ts";
import { fieldTenant } from "../../support/field-tenant.ts";
import { testFolder } from "../../support/folder.ts";

const TOPIC = "north/climate";
const { credential } = fieldTenant().enrol("probe-1", {
  topics: [TOPIC],
  urls: ["mqtts://bridge.example:8883", "mqtt://127.0.0.1:1883"],
});

beforeEach(() => {
  vi.stubEnv("CREDENTIALS_DIRECTORY", undefined);
  vi.stubEnv("STATE_DIRECTORY", undefined);
});
afterEach(() => vi.unstubAllEnvs());

/** agent.yaml beside a credential; returns its path. */
async function write(yaml: string, more: object = { ca: "PEM" }): Promise<string> {
  const folder = await testFolder();
  await replaceSecretFile(join(folder, "c"), encodeCredential({ ...credential, ...more }));
  const path = join(folder, "agent.yaml");
  await replaceFile(path, yaml);
  return path;
}

const PORT = { path: "/dev/ttyUSB0", profile: "json-lines", topic: TOPIC };
const GOOD = { credential: "c", stateDir: "state", ports: [PORT] };

/** The problems of a file, without its path. */
async function problems(yaml: string, more?: object): Promise<string[]> {
  const path = await write(yaml, more);
  try {
    await loadAgentSettings(path);
  } catch (error) {
    if (!isVeilError(error, "CONFIG")) throw error;
    const [, ...lines] = error.message.split("\n");
    return lines.map((line) => line.trim().replace(`${path}:`, ""));
  }
  return [];
}

describe("agent.yaml", () => {
  test("says little, and the rest has defaults", async () => {
    const path = await write(stringify(GOOD));
    const settings = await loadAgentSettings(path);
    expect(settings).toMatchObject({
      stateDir: join(path, "..", "state"),
      socketPath: join(path, "..", "state", "agent.sock"),
      urls: ["mqtts://bridge.example:8883", "mqtt://127.0.0.1:1883"],
      keepaliveS: 30,
      outbox: { maxBytes: 2 ** 30, policy: "oldest", syncIntervalMs: 200, syncBytes: 65_536 },
      aead: "auto",
      padding: true,
      logLevel: "info",
    });
    expect(settings.ports).toMatchObject([
      { path: "/dev/ttyUSB0", profileName: "json-lines", topic: TOPIC },
    ]);
    expect(settings.ports[0]?.serial.baudRate).toBe(115_200);
    expect(await socketPathOf(path)).toBe(settings.socketPath);
  });

  test("may say more", async () => {
    const path = await write(
      stringify({
        ...GOOD,
        ports: [{ ...PORT, baudRate: 9600, parity: "even", stopBits: 2 }],
        bridge: { urls: ["mqtt://10.0.0.1:1883"], keepaliveS: 120 },
        allowPlaintext: true,
        aead: "chacha20-poly1305",
        status: { socket: "/run/a.sock" },
        log: { level: "warn" },
      }),
    );
    const settings = await loadAgentSettings(path);
    expect(settings.ports[0]?.serial).toEqual({
      ...{ baudRate: 9600, dataBits: 8, stopBits: 2, parity: "even", flowControl: "none" },
    });
    expect(settings.urls).toEqual(["mqtt://10.0.0.1:1883"]);
    expect(settings).toMatchObject({ aead: "chacha20-poly1305", logLevel: "warn" });
    expect(await socketPathOf(path)).toBe("/run/a.sock");
  });

  test("under systemd finds the credential and the state where the unit put them", async () => {
    const path = await write(stringify({ ports: [PORT] }));
    const folder = join(path, "..", "credentials");
    await mkdir(folder);
    await replaceFile(join(folder, "credential"), encodeCredential({ ...credential, ca: "PEM" }));
    await chmod(join(folder, "credential"), 0o440);
    vi.stubEnv("CREDENTIALS_DIRECTORY", folder);
    vi.stubEnv("STATE_DIRECTORY", "/var/lib/veilmq");
    const settings = await loadAgentSettings(path);
    expect(settings.credential.client).toBe("probe-1");
    expect(settings.stateDir).toBe("/var/lib/veilmq");
  });

  test("else takes the credential beside it, from where systemd has it: for commands by hand", async () => {
    const path = await write(stringify({ stateDir: "state", ports: [PORT] }));
    const beside = path.replace(".yaml", ".cred");
    expect(await credentialPathOf(path)).toBe(beside);
    await replaceSecretFile(beside, encodeCredential({ ...credential, ca: "PEM" }));
    expect((await loadAgentSettings(path)).credential.client).toBe("probe-1");
  });

  test("tells all its problems at once, each with line and field", async () => {
    const found = await problems(
      [
        "credential: c",
        "ports:",
        "  - path: /dev/ttyUSB0",
        "    profile: no-such-profile",
        "    topic: not/granted",
        "    baud: 9600",
        "  - path: /dev/ttyUSB0",
        "    profile: json-lines",
        `    topic: ${TOPIC}`,
        "    baudRate: fast",
        "bridge: { urls: ['mqtt://bridge.example:1883', 'http://x'] }",
        "outbox: { maxBytes: 5, policy: middle }",
        "colour: red",
      ].join("\n"),
    );
    expect(found).toEqual([
      expect.stringMatching(/^1: stateDir: is missing/),
      expect.stringMatching(/^4: ports\.0\.profile: there is no device profile no-such-profile/),
      expect.stringMatching(/^5: ports\.0\.topic: is not granted/),
      expect.stringMatching(/^6: ports\.0\.baud: /),
      expect.stringMatching(/^7: ports\.1\.path: is the port of another entry/),
      expect.stringMatching(/^10: ports\.1\.baudRate: /),
      expect.stringMatching(/^11: bridge\.urls\.0: mqtt:\/\/ off this machine/),
      expect.stringMatching(/^11: bridge\.urls\.1: must be mqtts:/),
      expect.stringMatching(/^12: outbox\.maxBytes: /),
      expect.stringMatching(/^12: outbox\.policy: /),
      expect.stringMatching(/^13: colour: /),
    ]);
    expect(found.join("")).not.toContain("not/granted");
  });

  test("a credential that is missing, open to others or none is a problem of its field", async () => {
    expect(await problems(stringify({ ...GOOD, credential: "nowhere" }))).toEqual([
      expect.stringMatching(/^1: credential: cannot read .*nowhere/),
    ]);
    expect(await problems(stringify({ stateDir: "s", ports: [PORT] }))).toEqual([
      expect.stringMatching(/^1: credential: is missing/),
    ]);
    const path = await write(stringify(GOOD));
    await chmod(join(path, "..", "c"), 0o644);
    await expect(loadAgentSettings(path)).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("chmod 600"),
    });
    await replaceSecretFile(join(path, "..", "c"), "{}");
    await expect(loadAgentSettings(path)).rejects.toMatchObject({
      message: expect.stringContaining("credential: these fields are missing or wrong"),
    });
  });

  test("a credential's own bridges are held to the same rules", async () => {
    expect(await problems(stringify(GOOD), {})).toEqual([
      expect.stringMatching(/^1: credential: .*no authority/),
    ]);
    const plain = { bridge: { mqtt: ["mqtt://bridge.example:1883"], http: [] } };
    expect(await problems(stringify(GOOD), plain)).toEqual([
      expect.stringMatching(/^1: credential: mqtt:\/\/ off this machine/),
    ]);
    expect(await problems(stringify({ ...GOOD, allowPlaintext: true }), plain)).toEqual([]);
    expect(await problems(stringify(GOOD), { bridge: { mqtt: [], http: [] } })).toEqual([
      expect.stringMatching(/^1: credential: names no bridge/),
    ]);
  });
});
