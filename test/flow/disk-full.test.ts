/** A disk that is really full, under a running agent: a small file system of its own. Needs root, as mount does. */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { stringify } from "yaml";
import { Agent } from "../../agent/device/agent.ts";
import { loadAgentSettings } from "../../agent/device/config.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { encodeCredential } from "../../core/wire/credential.ts";
import { openPty } from "../../demo/pty/pty.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { testFolder } from "../support/folder.ts";

const run = promisify(execFile);
const WAIT = { timeout: 30_000, interval: 50 };
const DISK_KIB = 1024;

test("stops taking, says so, counts what it could not take, and goes on when there is room", async () => {
  const folder = await testFolder();
  const disk = join(folder, "disk");
  await mkdir(disk);
  await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_KIB}k`, "tmpfs", disk]);
  onTestFinished(async () => void (await run("umount", ["--lazy", disk])));
  const pty = await openPty({ link: join(folder, "tty") });
  onTestFinished(() => pty.close());
  const { credential } = fieldTenant().enrol("probe-1", { topics: ["t"], urls: [] });
  await replaceSecretFile(join(folder, "credential"), encodeCredential(credential));
  const config = join(folder, "agent.yaml");
  const settings = {
    credential: "credential",
    stateDir: "disk/state",
    ports: [{ path: pty.path, profile: "json-lines", topic: "t" }],
    bridge: { urls: ["mqtt://127.0.0.1:1"] },
    outbox: { syncIntervalMs: 5 },
  };
  await writeFile(config, stringify(settings));
  const log: string[] = [];
  const agent = new Agent({
    settings: await loadAgentSettings(config),
    log: pino({ level: "warn" }, { write: (line: string) => void log.push(line) }),
  });
  await agent.start();
  onTestFinished(async () => void (await agent.stop()));

  await pty.write('{"n":1}\n');
  await vi.waitFor(() => expect(agent.status().taken).toBe(1), WAIT);
  const ballast = join(disk, "ballast");
  const filled = await writeFile(ballast, Buffer.alloc(DISK_KIB * 1024)).catch(
    ({ code }: NodeJS.ErrnoException) => code,
  );
  expect(filled).toBe("ENOSPC");

  // More than the page that the segment has begun, and than the queue in memory holds.
  await pty.write('{"n":2}\n'.repeat(3000));
  await vi.waitFor(() => expect(agent.status().trouble).toBe("the disk is full"), WAIT);
  await vi.waitFor(() => expect(agent.status().ports[0]?.frames).toBe(3001), WAIT);
  await vi.waitFor(() => expect(agent.status().refused).toBeGreaterThan(0), WAIT);
  expect(log.join("")).toContain("the outbox's disk fails");

  await rm(ballast);
  await vi.waitFor(() => expect(agent.status().trouble).toBeUndefined(), WAIT);
  await vi.waitFor(() => {
    const { taken, refused } = agent.status();
    expect(taken + refused).toBe(3001);
  }, WAIT);
  expect(agent.status().outbox.records).toBe(agent.status().taken + 1);
});
