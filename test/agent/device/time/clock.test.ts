import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { bootId, sinceBootMs } from "../../../../agent/device/time/boot.ts";
import { DeviceClock, type DeviceClockOptions } from "../../../../agent/device/time/clock.ts";
import { isClockSet } from "../../../../agent/device/time/clock-set.ts";
import { createLog } from "../../../../core/runtime/log.ts";
import type { Moment } from "../../../../core/wire/clock.ts";
import { testFolder } from "../../../support/folder.ts";

describe("isClockSet", () => {
  async function systemd(...files: readonly string[]): Promise<string> {
    const folder = await testFolder();
    for (const file of files) {
      await mkdir(join(folder, file, ".."), { recursive: true });
      if (file.endsWith("/")) await mkdir(join(folder, file), { recursive: true });
      else await writeFile(join(folder, file), "");
    }
    return folder;
  }

  async function program(output: string): Promise<string> {
    const path = join(await testFolder(), "timedatectl");
    await writeFile(path, `#!/bin/sh\n${output}\n`);
    await chmod(path, 0o755);
    return path;
  }

  test("a clock from before the release is not, whatever the system says", async () => {
    const systemdFolder = await systemd("timesync/synchronized");
    expect(await isClockSet({ systemdFolder, nowMs: () => Date.UTC(1970, 0, 1) })).toBe(false);
    expect(await isClockSet({ systemdFolder })).toBe(true);
  });

  test("timesyncd says so by a file", async () => {
    expect(await isClockSet({ systemdFolder: await systemd("timesync/", "system/") })).toBe(false);
    const synchronized = await systemd("timesync/synchronized", "system/");
    expect(await isClockSet({ systemdFolder: synchronized })).toBe(true);
  });

  test("another daemon says so through timedatectl; where nothing answers it is taken as set", async () => {
    const systemdFolder = await systemd("system/");
    const ask = async (output: string): Promise<boolean> =>
      isClockSet({ systemdFolder, timedatectl: await program(output) });
    expect(await ask("echo yes")).toBe(true);
    expect(await ask("echo no")).toBe(false);
    expect(await ask("exit 1")).toBe(true);
    expect(await isClockSet({ systemdFolder, timedatectl: "/nowhere" })).toBe(true);
  });

  test("without systemd a plausible clock is taken as set", async () => {
    expect(await isClockSet({ systemdFolder: await systemd() })).toBe(true);
  });
});

describe("DeviceClock", () => {
  async function start(options: Partial<DeviceClockOptions> = {}) {
    const told: Moment[] = [];
    const stateDir = options.stateDir ?? (await testFolder());
    const clock = new DeviceClock({
      stateDir,
      trust: "system",
      onSet: (moment) => told.push(moment),
      log: createLog("test", "silent"),
      lookIntervalMs: 5,
      ...options,
    });
    await clock.start();
    onTestFinished(() => clock.stop());
    return { clock, told, stateDir };
  }

  test("a set clock owes nothing", async () => {
    const { clock, told, stateDir } = await start({ isSet: async () => true });
    expect(clock.stamp()).toMatchObject({ boot: bootId(), isSet: true });
    await clock.stop();
    expect(told).toEqual([]);
    expect(await readdir(stateDir)).toEqual([]);
  });

  test("once it is set it tells the moment, if readings were taken before", async () => {
    let isSet = false;
    const { clock, told } = await start({ isSet: async () => isSet });
    const first = clock.stamp();
    expect(first.isSet).toBe(false);
    isSet = true;
    await expect.poll(() => told).toHaveLength(1);
    const [moment] = told;
    expect(moment?.isSet).toBe(true);
    expect(moment?.sinceBootMs).toBeGreaterThanOrEqual(first.sinceBootMs);
    expect(clock.stamp().isSet).toBe(true);
  });

  test("also in the next process of the same boot, and not in the next boot", async () => {
    const before = await start({ isSet: async () => false });
    before.clock.stamp();
    await before.clock.stop();
    const { stateDir } = before;
    const after = await start({ stateDir, isSet: async () => true });
    expect(after.told).toHaveLength(1);
    await writeFile(join(stateDir, "unsynced.json"), JSON.stringify({ boot: "another" }));
    const later = await start({ stateDir, isSet: async () => true });
    expect(later.told).toEqual([]);
    expect(await readdir(stateDir)).toEqual([]);
  });

  test("trusted: nobody is asked", async () => {
    const { clock } = await start({ trust: "trusted", isSet: async () => false });
    expect(clock.stamp().isSet).toBe(true);
  });
});

test("the boot's id is the same for all, gives nothing away, and its time only goes forward", async () => {
  expect(bootId()).toBe(bootId());
  expect(bootId()).toMatch(/^[\w-]{11}$/);
  expect(bootId("/nowhere")).not.toBe(bootId("/nowhere"));
  const then = sinceBootMs();
  expect(sinceBootMs()).toBeGreaterThanOrEqual(then);
});
