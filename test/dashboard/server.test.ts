/** Who may look, and what an answer allows the browser: asked over real HTTP. */
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Login } from "../../agent/dashboard/login.ts";
import { Rig, type RigOptions } from "./rig.ts";

const TOKEN = "a token of twenty characters";

async function start(options: Partial<RigOptions> = {}): Promise<Rig> {
  const rig = new Rig({ topics: ["a/b"], ...options });
  await rig.start();
  onTestFinished(() => rig.stop());
  return rig;
}

/** With a path that no `URL` has. */
async function askRaw(url: string, path: string): Promise<{ status: number }> {
  const { hostname: host, port } = new URL(url);
  const call = request({ host, port, path });
  call.end();
  const [answer] = await once(call, "response");
  answer.resume();
  return { status: answer.statusCode };
}

/** As `fetch`, which does not let one choose `Host` and `Sec-Fetch-Site`. */
async function ask(url: string, headers: Record<string, string> = {}, form?: string) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const call = request(
        url,
        { method: form === undefined ? "GET" : "POST", headers },
        (answer) => {
          text(answer).then(
            (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
            reject,
          );
        },
      );
      call.on("error", reject);
      call.end(form);
    },
  );
}

describe("without a login", () => {
  test("answers what names loopback, and refuses a name that was pointed here", async () => {
    const { url } = await start();
    expect((await ask(url)).status).toBe(200);
    const { port } = new URL(url);
    for (const host of [`localhost:${port}`, `[::1]:${port}`, `127.0.0.1:${port}`])
      expect((await ask(`${url}api/about`, { host })).status).toBe(200);
    for (const host of [`evil.example:${port}`, "127.0.0.1.evil.example", "a b"])
      expect([host, (await ask(`${url}api/about`, { host })).status]).toEqual([host, 403]);
  });

  test("refuses another site's requests, but not a link to here", async () => {
    const { url } = await start();
    const site = { "sec-fetch-site": "cross-site" };
    expect((await ask(`${url}api/about`, site)).status).toBe(403);
    expect((await ask(url, { ...site, "sec-fetch-mode": "navigate" })).status).toBe(200);
  });

  test("every answer forbids what the page does not need", async () => {
    const { url } = await start();
    for (const path of ["", "page/main.js", "page/style.css", "api/about", "nowhere"]) {
      const { headers } = await ask(`${url}${path}`);
      expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers["content-security-policy"]).not.toMatch(/unsafe|data:|\*/);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
      });
    }
  });

  test("serves a closed list of files, and no other", async () => {
    const { url } = await start();
    for (const path of [
      "page/../server.js",
      "page/%2e%2e/server.js",
      "page/tsconfig.json",
      "page/",
    ])
      expect((await ask(`${url}${path}`)).status).toBe(404);
    expect((await ask(`${url}api/history/99`)).body).toMatch(/"series":\[\]/);
    expect((await ask(`${url}api/history/-1`)).status).toBe(404);
    expect((await askRaw(url, "//")).status).toBe(404);
    expect((await askRaw(url, "//page/main.js")).status).toBe(404);
    expect((await askRaw(url, "/api/about?x=1")).status).toBe(200);
  });
});

describe("with a login", () => {
  const form = (token: string): string => new URLSearchParams({ token }).toString();

  test("shows nothing before the token, and all with its cookie, also after a restart", async () => {
    const rig = await start({ token: TOKEN });
    for (const path of ["api/about", "api/events", "api/history/0", "api/seen/0"])
      expect((await ask(`${rig.url}${path}`)).status).toBe(401);
    expect((await ask(rig.url)).headers["location"]).toBe("/login");
    const entered = await post(rig.url, form(TOKEN));
    const [cookie = ""] = entered.headers["set-cookie"] as string[];
    expect(cookie).toMatch(/^veilmq=\d+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const headers = { cookie: cookie.split(";")[0] ?? "" };
    expect((await ask(`${rig.url}api/about`, headers)).status).toBe(200);
    const again = await start({ token: TOKEN });
    expect((await ask(`${again.url}api/about`, headers)).status).toBe(200);
    const other = await start({ token: "another token, just as long" });
    expect((await ask(`${other.url}api/about`, headers)).status).toBe(401);
  });

  test("gives an address a few wrong tokens, then makes it wait, the right one included", async () => {
    const { url } = await start({ token: TOKEN });
    const statuses: number[] = [];
    for (let n = 0; n < 6; n += 1) statuses.push((await post(url, form("wrong"))).status);
    expect(statuses).toEqual([303, 303, 303, 303, 303, 429]);
    expect((await post(url, form(TOKEN))).status).toBe(429);
    expect((await post(url, form("x".repeat(5000)))).status).toBe(413);
  });

  test("ends the streams of a session with it: at its logout, and at its end", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const rig = await start({ token: TOKEN });
    const cookies: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      vi.setSystemTime(Date.now() + 60_000);
      const entered = await post(rig.url, form(TOKEN));
      cookies.push(String((entered.headers["set-cookie"] as string[])[0]?.split(";")[0]));
    }
    const ended: number[] = [];
    for (const [n, cookie] of cookies.entries())
      void ask(`${rig.url}api/events`, { cookie }).then(() => ended.push(n));
    await expect.poll(() => rig.streams).toBe(2);
    await ask(`${rig.url}logout`, { cookie: cookies[1] ?? "" }, "");
    await expect.poll(() => ended).toEqual([1]);
    vi.setSystemTime(Date.now() + 13 * 3_600_000);
    await expect.poll(() => ended).toEqual([1, 0]);
    expect(rig.streams).toBe(0);
  });

  async function post(url: string, body: string) {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    return ask(`${url}login`, length, body);
  }
});

describe("a session", () => {
  const NOW_MS = 1_700_000_000_000;
  const login = new Login(TOKEN);
  const value = login.enter(TOKEN, "address", NOW_MS);

  test("ends after twelve hours", () => {
    const cookie = `theme=dark; veilmq=${value}`;
    expect(login.sessionOf(cookie, NOW_MS + 11 * 3_600_000)).toEqual({
      ...{ value, endMs: NOW_MS + 12 * 3_600_000 },
    });
    expect(login.sessionOf(cookie, NOW_MS + 13 * 3_600_000)).toBeNull();
  });

  test("cannot be made longer, or up", () => {
    const [end = "", mac = ""] = String(value).split(".");
    const forged = [
      `${Number(end) + 1}.${mac}`,
      `${end}.`,
      `${end}.${mac.slice(1)}`,
      "",
      `NaN.${mac}`,
    ];
    for (const each of forged) expect(login.sessionOf(`veilmq=${each}`, NOW_MS)).toBeNull();
    expect(login.sessionOf(undefined, NOW_MS)).toBeNull();
  });
});
