/** The dashboard in a real browser: server and page are the real ones, a test stands in the place of the consumer. */
import type { Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { Rig } from "./rig.ts";
import { cardsOf, start, TOPICS, useBrowser, visit, WAIT } from "./visit.ts";

const TOKEN = "a token of twenty characters";

useBrowser();

/** How many points of a card's chart are drawn in another colour than nothing. */
async function inkOf(page: Page): Promise<number> {
  return page
    .locator(".card canvas")
    .first()
    .evaluate((canvas: { getContext: (kind: "2d") => unknown; width: number; height: number }) => {
      const context = canvas.getContext("2d") as {
        getImageData: (...box: number[]) => { data: Uint8ClampedArray };
      };
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      let ink = 0;
      // The line is of a colour, axes and grid are grey.
      for (let n = 0; n < data.length; n += 4)
        if ((data[n + 3] ?? 0) > 0 && (data[n + 2] ?? 0) - (data[n] ?? 0) > 40) ink += 1;
      return ink;
    });
}

describe("the page", () => {
  test("shows a value with unit and age as it comes, draws it, and marks it when it goes stale", async () => {
    const rig = await start({ staleMs: 4000 });
    const { page, complaints } = await visit(rig.url);
    await page.getByText("Nothing has come yet").first().waitFor();
    rig.add({ value: 21.5 });
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["21.5 °C"]);
    expect(await page.locator(".age").innerText()).toMatch(/^(now|\d+ s ago)$/);
    const nowMs = Date.now();
    for (let n = 0; n < 60; n += 1)
      rig.add({ value: 20 + (n % 7), timeMs: nowMs - 120_000 + n * 2000 });
    rig.add({ value: 22.25 });
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["22.25 °C"]);
    await expect.poll(() => inkOf(page), WAIT).toBeGreaterThan(100);
    const summary = page.locator(".summary");
    await expect
      .poll(() => summary.innerText(), WAIT)
      .toMatch(/min\s+20\s+mean\s+22\.\d+\s+max\s+26/);
    await expect.poll(() => page.locator(".badge").allInnerTexts(), WAIT).toEqual(["stale"]);
    expect(await page.locator(".age").innerText()).toMatch(/^\d+ s ago$/);
    await expect.poll(() => page.locator("#tree").innerText(), WAIT).toContain("1 stale");
    expect(complaints).toEqual([]);
  });

  test("marks what is out of range, searches, and narrows to a branch of the tree by keyboard alone", async () => {
    const rig = await start({ rules: [{ topic: "field/*", name: "temp", low: 0, high: 30 }] });
    rig.add({ topic: 0, value: 31 });
    rig.add({ topic: 1, value: 12 });
    rig.add({ topic: 1, name: "rh", unit: "%RH", value: 40 });
    const { page, complaints } = await visit(rig.url);
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(3);
    expect(await page.locator(".badge").allInnerTexts()).toEqual(["above 30"]);
    await page.keyboard.press("/");
    await page.keyboard.type("rh");
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["40 % RH"]);
    await page.keyboard.press("Escape");
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(3);
    await page.locator("#tree [tabindex='0']").focus();
    for (const key of ["ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Enter"])
      await page.keyboard.press(key);
    // All topics, field, north, climate, south.
    await expect
      .poll(() => page.locator(".topic h2").allInnerTexts(), WAIT)
      .toEqual(["field/south/climate"]);
    expect(page.url()).not.toContain("south");
    await page.keyboard.press("?");
    await page.locator("#keys[open]").waitFor();
    expect(complaints).toEqual([]);
  });

  test("tells a reading that was long on its way from one of now, and a device without a clock", async () => {
    const rig = await start();
    rig.add({ name: "late", timeMs: Date.now() - 6 * 86_400_000 });
    rig.add({ name: "unset", timeMs: 5000, isSynced: false });
    rig.add({ name: "usual", timeMs: Date.now() - 3000 });
    const { page } = await visit(rig.url);
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(3);
    const ages = await page.locator(".age").allInnerTexts();
    expect(ages[0]).toMatch(/^taken 6 d ago, arrived (now|\d+ s ago)$/);
    for (const age of ages.slice(1)) expect(age).toMatch(/^(now|\d+ s ago)$/);
    expect(await page.locator(".badge").allInnerTexts()).toEqual(["clock not set"]);
  });

  test("says from when its figures are where not from the window's beginning, and how many values it hides", async () => {
    const rig = await start();
    const firstMs = Math.floor(Date.now() / 1000) * 1000 - 200_000;
    for (let n = 0; n < 200; n += 1) rig.add({ value: n, timeMs: firstMs + n * 1000 });
    for (let n = 0; n < 70; n += 1) rig.add({ topic: 1, name: `many-${n}`, value: "x" });
    const { page } = await visit(rig.url);
    const since = page.locator(".since").first();
    // As the page has it: in the browser's time zone.
    const clock = await page.evaluate(
      `new Date(${firstMs}).toLocaleTimeString("en", { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" })`,
    );
    await page.getByLabel("Window of the charts").selectOption({ label: "last 60 min" });
    await expect.poll(() => since.innerText(), WAIT).toBe(`since ${clock}`);
    await page.getByLabel("Window of the charts").selectOption({ label: "last 60 s" });
    await expect.poll(() => since.innerText(), WAIT).toBe("");
    await expect
      .poll(() => page.locator(".facts").allInnerTexts(), WAIT)
      .toEqual(["1.0/s · lag 0", "1.0/s · lag 0 · 6 values not shown"]);
  });

  test("goes on after a restart of the server, without a gap", async () => {
    const first = new Rig({ topics: TOPICS });
    await first.start();
    const beganMs = Math.floor(Date.now() / 1000) * 1000 - 100_000;
    const at = (rig: Rig, n: number): void =>
      rig.add({ value: n, timeMs: beganMs + n * 1000, arrivedMs: Date.now() });
    for (let n = 0; n < 40; n += 1) at(first, n);
    const { page } = await visit(first.url);
    const summary = page.locator(".summary");
    await expect.poll(() => summary.innerText(), WAIT).toMatch(/min\s+0\s+mean\s+19.5\s+max\s+39/);
    await first.stop();
    await page.getByText("connecting again").waitFor();
    // The new one has read from Kafka what came in between.
    const second = await start({ port: Number(new URL(first.url).port) });
    for (let n = 0; n < 80; n += 1) at(second, n);
    await page.getByText("live", { exact: true }).waitFor();
    at(second, 80);
    await expect.poll(() => summary.innerText(), WAIT).toMatch(/min\s+0\s+mean\s+40\s+max\s+80/);
  });

  test("takes a broken stream up where it was, with nothing lost and nothing sent twice over", async () => {
    const rig = await start();
    const { page } = await visit(rig.url);
    rig.add({ value: 1 });
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(1);
    const ids: (string | undefined)[] = [];
    page.on("request", async (request) => {
      if (request.url().endsWith("/api/events"))
        ids.push((await request.allHeaders())["last-event-id"]);
    });
    rig.breakStreams();
    rig.add({ value: 2, name: "second" });
    await expect.poll(() => cardsOf(page), WAIT).toHaveLength(2);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}:1$/);
  });

  test("shows hostile readings harmlessly", async () => {
    const attack = '<script>document.title="gone"</script><img src=x onerror=alert(1)>';
    const rig = await start({ topics: [`a/${attack}`] });
    rig.add({ name: "script", value: attack, unit: attack, producer: attack });
    rig.add({ name: "long", value: "<b>".repeat(400_000) });
    rig.add({ name: "nan", value: Number.NaN });
    rig.add({ name: "huge", value: 1e300, unit: null });
    for (let n = 0; n < 3; n += 1) rig.add({ name: "huge", value: -1.7e308, unit: null });
    rig.add({ name: "endless", value: Number.POSITIVE_INFINITY });
    rig.add({ name: "odd-clock", value: 5, timeMs: 8.7e15 });
    for (let n = 0; n < 200; n += 1) rig.add({ name: `many-${n}`, value: n });
    const { page, complaints } = await visit(rig.url);
    // Of each device 64, and one has one alone.
    await expect.poll(async () => (await cardsOf(page)).length, WAIT).toBe(65);
    const cards = (await cardsOf(page)).join("\n");
    expect(cards).toContain('<script>document.title="gone"</script>');
    expect(cards).toContain("(1200000 characters)");
    expect(cards).toContain("-1.7e308");
    expect(await page.title()).toBe("Readings · VeilMQ dashboard");
    expect(await page.locator("main script, main img, main b").count()).toBe(0);
    // It still lives: what comes next is shown.
    rig.add({ name: "script", value: "after", producer: attack });
    await expect.poll(async () => (await cardsOf(page)).join(), WAIT).toContain("after");
    expect(complaints).toEqual([]);
  });

  test("says that it was cut off, and keeps what it has", async () => {
    const rig = await start();
    rig.add({ value: 3 });
    rig.ended = { code: "REVOKED", message: "this client is revoked" };
    const { page } = await visit(rig.url);
    await expect
      .poll(() => page.locator("#alarm").innerText(), WAIT)
      .toContain("this credential is revoked");
    expect(await cardsOf(page)).toEqual(["3 °C"]);
  });
});

describe("a page with a login", () => {
  test("asks for the token once; a wrong one is told, and the session ends with a logout", async () => {
    const rig = await start({ token: TOKEN });
    rig.add({ value: 4 });
    const { page } = await visit(rig.url);
    expect(new URL(page.url()).pathname).toBe("/login");
    await page.getByLabel("Token").fill("a wrong one");
    await page.keyboard.press("Enter");
    await page.getByText("That is not the token.").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await expect.poll(() => cardsOf(page), WAIT).toEqual(["4 °C"]);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL("**/login");
    expect(await page.context().cookies()).toEqual([]);
  });
});
