/** What one does with the page, in a real browser: keys, pointer, search, window, colours, on a desktop and a phone. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { FACTS } from "./rig.ts";
import { cardsOf, start, useBrowser, visit, WAIT } from "./visit.ts";

useBrowser();

describe("what is said of the way", () => {
  test("lag, rate, missing and what cannot be opened, of each topic and together", async () => {
    const rig = await start();
    for (const topic of [0, 1]) rig.add({ topic });
    rig.facts = (id) => ({ ...FACTS, rate: id === 0 ? 12.4 : 0.3, lag: 1500 * (id + 1) });
    const { page } = await visit(rig.url);
    const facts = page.locator(".facts[data-shown]");
    await expect
      .poll(() => facts.allInnerTexts(), WAIT)
      .toEqual(["12/s · lag 1,500", "0.3/s · lag 3,000"]);
    await expect.poll(() => hop(page, "Reading"), WAIT).toEqual(["up", "13/s, lag 4,500"]);
    rig.facts = (id) => ({ ...FACTS, found: id === 0, missing: 3, rejects: 2 });
    await expect
      .poll(() => facts.allInnerTexts(), WAIT)
      .toEqual([
        "1.0/s · lag 0 · 3 missing · 2 cannot be opened",
        "not there yet · 3 missing · 2 cannot be opened",
      ]);
  });

  test("each hop, by a word and a colour; a device that is silent", async () => {
    const rig = await start({ staleMs: 60_000 });
    const longAgo = { arrivedMs: Date.now() - 120_000, timeMs: Date.now() - 120_000 };
    rig.add({ producer: "pi-01" });
    rig.add({ producer: "pi-02", ...longAgo });
    rig.hops = [
      { name: "bridge", state: "up", seenMs: Date.now() },
      { name: "kafka", state: "down", seenMs: Date.now() - 200_000 },
      { name: "zookeeper", state: "unknown", seenMs: null },
    ];
    const { page } = await visit(rig.url);
    await expect.poll(async () => (await hop(page, "Kafka"))[0], WAIT).toBe("down");
    expect((await hop(page, "Kafka"))[1]).toBe("does not answer, 3 min ago");
    expect((await hop(page, "Bridge"))[1]).toMatch(/^answers, (now|\d+ s ago)$/);
    expect(await hop(page, "ZooKeeper")).toEqual(["unknown", "not known"]);
    const [level, devices] = await hop(page, "Devices");
    expect(level).toBe("warn");
    expect(devices).toMatch(/^1 of 2 heard, last (now|\d+ s ago)$/);
  });

  async function hop(page: Page, title: string): Promise<[string | null, string]> {
    const chip = page.locator(".hop").filter({ has: page.getByText(title, { exact: true }) });
    return [await chip.getAttribute("data-state"), await chip.locator("span").innerText()];
  }
});

describe("where there is nothing", () => {
  test("says what to do when nothing is granted, with the client's name", async () => {
    const rig = await start({ topics: [] });
    const { page } = await visit(rig.url);
    await page.getByText("You may not read any topic yet").waitFor();
    const steps = await page.locator(".empty code").allInnerTexts();
    expect(steps[0]).toBe("veilmq kms grant desk --subscribe TOPIC --bridge URL");
  });

  test("says what to look at when nothing has come", async () => {
    const rig = await start();
    const { page } = await visit(rig.url);
    await page.getByRole("heading", { name: "Nothing has come yet" }).waitFor();
    expect(await page.locator(".empty code").allInnerTexts()).toContain("veilmq kms show DEVICE");
  });

  test("says that nothing fits the search, and Esc brings all back", async () => {
    const rig = await start();
    rig.add({ value: 1 });
    const { page } = await visit(rig.url);
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(1);
    await page.keyboard.press("/");
    await page.keyboard.type("no such thing");
    await page.getByText("Nothing fits the search").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(1);
  });
});

test("searches topics, devices, names and units as they are shown, each word on its own", async () => {
  const rig = await start();
  rig.add({ topic: 0, producer: "pi-01", value: 1 });
  rig.add({ topic: 1, producer: "pi-02", value: 2 });
  rig.add({ topic: 1, producer: "pi-02", name: "rh", unit: "%RH", value: 3 });
  const { page } = await visit(rig.url);
  const search = page.getByLabel("Search topics, devices and values");
  for (const [words, found] of [
    ["°C", ["1 °C", "2 °C"]],
    ["Cel", ["1 °C", "2 °C"]],
    ["south temp", ["2 °C"]],
    ["temp  PI-01", ["1 °C"]],
    ["south", ["3 % RH", "2 °C"]],
    ["", ["1 °C", "3 % RH", "2 °C"]],
  ] as const) {
    await search.fill(words);
    await expect.poll(() => cardsOf(page), WAIT).toEqual(found);
  }
});

describe("keys", () => {
  test("change the window and the colours, which the browser keeps; show what they see", async () => {
    const rig = await start();
    rig.add({});
    const { page } = await visit(rig.url);
    const window = page.getByLabel("Window of the charts");
    const theme = () => page.evaluate("document.documentElement.dataset.theme ?? 'system'");
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(1);
    await page.keyboard.press("]");
    expect(await window.inputValue()).toBe("900000");
    for (let n = 0; n < 9; n += 1) await page.keyboard.press("[");
    expect(await window.inputValue()).toBe("60000");
    await page.keyboard.press("d");
    await page.keyboard.press("d");
    expect(await theme()).toBe("dark");
    await page.reload();
    expect(await theme()).toBe("dark");
    await page.getByRole("button", { name: "Dark colours" }).click();
    expect(await theme()).toBe("system");
    await page.keyboard.press("s");
    await page.waitForURL("**/#/seen/0");
    await page.keyboard.press("Escape");
    await page.waitForURL("**/#/");
  });

  test("of a single character can be turned off, which the browser keeps, too", async () => {
    const rig = await start();
    const { page } = await visit(rig.url);
    await page.getByRole("button", { name: "Keys" }).click();
    await page.getByLabel("Keys of a single character work").uncheck();
    await page.getByRole("button", { name: "Close" }).click();
    await page.reload();
    await page.getByText("Nothing has come yet").first().waitFor();
    await page.keyboard.press("?");
    await page.keyboard.press("s");
    await page.keyboard.press("d");
    expect(await page.locator("#keys[open]").count()).toBe(0);
    expect(new URL(page.url()).hash).toBe("");
    expect(await page.evaluate("document.documentElement.dataset.theme ?? 'system'")).toBe(
      "system",
    );
  });

  test("fold the tree, and the pointer does by its triangles", async () => {
    const rig = await start();
    rig.add({});
    const { page } = await visit(rig.url);
    const names = async () =>
      (await page.locator("#tree .name").all()).reduce<Promise<string[]>>(async (shown, name) => {
        return (await name.isVisible()) ? [...(await shown), await name.innerText()] : shown;
      }, Promise.resolve([]));
    const all = ["All topics", "field", "north", "climate", "south", "climate"];
    await expect.poll(names, WAIT).toEqual(all);
    const item = page.locator("#tree [role='treeitem']").nth(1);
    await item.locator("> .node .fold").click();
    expect(await names()).toEqual(["All topics", "field"]);
    // Folding chooses nothing.
    expect(new URL(page.url()).hash).toBe("");
    await item.focus();
    await page.keyboard.press("ArrowRight");
    expect(await names()).toEqual(all);
    // A branch that is folded over the chosen place can still be reached by Tab.
    await page.locator("#tree").getByText("south").click();
    await page.waitForURL("**/#/at/1/2");
    await item.locator("> .node .fold").click();
    expect(await item.getAttribute("tabindex")).toBe("0");
  });
});

describe("a chart", () => {
  test("is read out by the pointer and by keys", async () => {
    const rig = await start();
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    for (let n = 0; n < 100; n += 1)
      rig.add({ value: n, timeMs: nowMs - 200_000 + n * 1000, arrivedMs: nowMs });
    for (const value of [200, 300]) rig.add({ value, timeMs: nowMs - 90_000, arrivedMs: nowMs });
    const { page } = await visit(rig.url);
    const [readout, summary] = [page.locator(".readout"), page.locator(".summary")];
    await page.locator(".card canvas").waitFor();
    const plot = page.getByRole("img", { name: /^Chart of temp, pi-01/ });
    await plot.focus();
    await page.keyboard.press("ArrowRight");
    await expect
      .poll(() => readout.innerText(), WAIT)
      .toMatch(/^\d\d:\d\d:\d\d {2}mean of 2: 250, 200 to 300$/);
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => readout.innerText(), WAIT).toMatch(/^\d\d:\d\d:\d\d {2}\d\d$/);
    expect(await summary.isVisible()).toBe(false);
    await page.keyboard.press("Tab");
    await expect.poll(() => summary.isVisible(), WAIT).toBe(true);
    await plot.hover({ position: { x: 150, y: 40 } });
    await expect.poll(() => readout.innerText(), WAIT).toMatch(/^\d\d:\d\d:\d\d {2}\d\d$/);
  });

  test("is there as soon as there is a number, also where a text came first", async () => {
    const rig = await start();
    rig.add({ value: "warming up" });
    const { page } = await visit(rig.url);
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["warming up °C"]);
    expect(await page.locator(".plot").isVisible()).toBe(false);
    rig.add({ value: 21 });
    await page.locator(".plot canvas").waitFor();
    await expect.poll(() => page.locator(".summary").innerText(), WAIT).toMatch(/max\s+21/);
  });

  test("gets its history, also where the first answer is lost", async () => {
    const rig = await start();
    for (let n = 1; n < 50; n += 1) rig.add({ value: n, timeMs: Date.now() - n * 2000 });
    let asked = 0;
    const { page } = await visit("about:blank");
    await page.route("**/api/history/0", async (route) => {
      asked += 1;
      if (asked < 3) await route.abort();
      else await route.continue();
    });
    await page.goto(rig.url);
    await expect.poll(() => page.locator(".summary").innerText(), WAIT).toMatch(/max\s+49/);
    expect(asked).toBe(3);
  });
});

test("on a phone every hop is in view, nothing is wider than the screen, and the topics are folded away", async () => {
  const rig = await start();
  rig.add({ value: 1_234_567.125 });
  rig.hops = (["bridge", "kafka", "zookeeper", "directory"] as const).map((name) => ({
    ...{ name, state: "up", seenMs: Date.now() },
  }));
  const { page } = await visit(rig.url, { phone: true });
  await expect.poll(() => cardsOf(page), WAIT).toEqual(["1,234,567.125 °C"]);
  const boxes = await Promise.all(
    (await page.locator(".hop").all()).map((chip) => chip.boundingBox()),
  );
  expect(boxes).toHaveLength(7);
  const width = page.viewportSize()?.width ?? 0;
  for (const box of boxes) {
    expect(box?.x ?? -1).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(width);
  }
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  expect(await page.locator("#tree").isVisible()).toBe(false);
});
