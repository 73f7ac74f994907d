/** What a screen reader or a keyboard would stumble over: axe, in both themes and on a phone. */
import { describe, expect, test } from "vitest";
import { start, useBrowser, violations, visit } from "./visit.ts";

useBrowser();

describe.each([
  [{ theme: "light" }],
  [{ theme: "dark" }],
  [{ theme: "light", phone: true }],
] as const)("axe finds nothing: %j", (options) => {
  test("with readings, out of range, stale, missing, and a hop that is down; with the keys; at the login", async () => {
    const rig = await start({
      rules: [{ topic: "*", name: "temp", low: 0, high: 30 }],
      staleMs: 1500,
    });
    rig.add({ topic: 0, value: 31 });
    rig.add({ topic: 1, name: "note", unit: null, value: "all is well", isSynced: false });
    rig.facts = () => ({ found: true, readings: 1, rejects: 2, missing: 3, rate: 1, lag: 4 });
    rig.hops = [
      { name: "bridge", state: "up", seenMs: Date.now() },
      { name: "kafka", state: "down", seenMs: Date.now() },
    ];
    const { page } = await visit(rig.url, options);
    await page.locator(".badge.stale").first().waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("?");
    await page.locator("#keys[open]").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.goto(`${rig.url}login`);
    expect(await violations(page)).toEqual([]);
  });

  test("where nothing has come yet", async () => {
    const rig = await start();
    const { page } = await visit(rig.url, options);
    await page.locator(".empty").waitFor();
    expect(await violations(page)).toEqual([]);
  });
});
