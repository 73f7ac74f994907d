/** What the tests of the page share: a browser, a rig that ends with its test, and what the cards show. */
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import { launchBrowser, openPage, type PageOptions } from "./browser.ts";
import { Rig, type RigOptions } from "./rig.ts";

export const WAIT = { timeout: 20_000, interval: 100 };
/** It may have to be installed first. */
const INSTALL_MS = 400_000;
export const TOPICS = ["field/north/climate", "field/south/climate"];

let browser: Browser;

/** To be called once in a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await launchBrowser();
  }, INSTALL_MS);
  afterAll(async () => {
    await browser?.close();
  });
}

export async function start(options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = new Rig({ topics: TOPICS, ...options });
  await rig.start();
  onTestFinished(() => rig.stop());
  return rig;
}

export async function visit(url: string, options: PageOptions = {}) {
  const opened = await openPage(browser, options);
  onTestFinished(() => opened.page.context().close());
  await opened.page.goto(url);
  return opened;
}

/** The values that the cards show, with their units, in order. */
export async function cardsOf(page: Page): Promise<string[]> {
  const texts = (selector: string) => page.locator(`.card ${selector}`).allInnerTexts();
  const [values, units] = [await texts(".value"), await texts(".unit")];
  return values.map((value, n) => `${value} ${units[n] ?? ""}`.trim());
}

/** What axe finds wrong with the page as it is. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    // In the page, where `axe` is a global.
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).join(' ')))",
  );
  return found as string[];
}
