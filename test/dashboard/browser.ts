/** A real browser: Debian's Chromium, driven by playwright-core. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

/** Held by what installs, and by what lays a machine over this one's files (test/support/debian/machine.sh). */
const SYSTEM_LOCK = "/run/lock/veilmq-test-system";
const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/**
 * `CHROMIUM` names another one. Where there is none, it is installed if that can be done (Debian, as root). Throws with
 * what to do where it cannot.
 */
export async function launchBrowser(): Promise<Browser> {
  const own = process.env["CHROMIUM"];
  const find = () => (own ? [own] : CANDIDATES).find(existsSync);
  if (!find()) installChromium();
  const executablePath = find();
  if (!executablePath)
    throw new Error(
      "no Chromium on this machine: `apt-get install chromium`, or name one in the variable CHROMIUM",
    );
  // Background services and the sandbox, which root cannot have, are switched off by playwright-core of its own accord.
  return chromium.launch({ executablePath, args: ["--disable-gpu"] });
}

export interface PageOptions {
  readonly theme?: "light" | "dark";
  readonly phone?: boolean;
}

/** A page in a session of its own; what it complains of is in `complaints`. */
export async function openPage(
  browser: Browser,
  { theme = "light", phone = false }: PageOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    deviceScaleFactor: phone ? 2 : 1,
    isMobile: phone,
    hasTouch: phone,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, complaints };
}

/** Another test file may be doing it at the same time, or may not want the system changed now: then this one waits. */
function installChromium(): void {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return;
  process.stderr.write("installing Chromium for the tests\n");
  const options = ["-qq", "-o", "DPkg::Lock::Timeout=300"];
  const apt = (...args: string[]) =>
    spawnSync("flock", [SYSTEM_LOCK, "apt-get", ...options, ...args], { stdio: "ignore" });
  for (let left = 3; left > 0 && !CANDIDATES.some(existsSync); left -= 1) {
    apt("update");
    apt("install", "-y", "--no-install-recommends", "chromium");
  }
}
