/** `veilmq dashboard` as its user starts it, with no bridge to answer it yet. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { encodeCredential } from "../../core/wire/credential.ts";
import { testFolder } from "../support/folder.ts";
import { makeTenant } from "../support/tenant.ts";
import { veilmq } from "./veilmq.ts";

const CERTIFICATE = resolve("test/support/certificate");

async function credentialIn(folder: string): Promise<string> {
  const path = join(folder, "desk.cred.json");
  const { credential } = makeTenant().enrol("desk", { topics: ["a/b"], urls: [] });
  const bridge = { mqtt: [], http: ["http://127.0.0.1:9"] };
  const topics = [{ name: "a/b", ops: ["sub" as const] }];
  await writeFile(path, encodeCredential({ ...credential, bridge, topics }), { mode: 0o600 });
  return path;
}

/** Resolves when it has said where it is; what it has said until then. */
async function start(args: readonly string[]): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [resolve("dist/cli/main.js"), "dashboard", ...args], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let said = "";
  await new Promise<void>((done, fail) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("the dashboard is at")) done();
    });
    child.once("exit", () => fail(new Error(said)));
  });
  return { child, said };
}

test("off this machine it wants TLS, or to be told by name that it is not needed", async () => {
  const credential = await credentialIn(await testFolder());
  const { code, stderr } = await veilmq([
    "dashboard",
    "--host",
    "0.0.0.0",
    "--credential",
    credential,
  ]);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: [
      "veilmq: error: off this machine the dashboard serves HTTPS only",
      "veilmq: hint: give --tls-cert and --tls-key, or --allow-plaintext on a network that you trust",
      "",
    ].join("\n"),
  });
});

test("a port that is taken ends it", async () => {
  const credential = await credentialIn(await testFolder());
  const { said } = await start(["--credential", credential, "--port", "0"]);
  const port = /127\.0\.0\.1:(\d+)/.exec(said)?.[1] ?? "";
  expect(await veilmq(["dashboard", "--credential", credential, "--port", port])).toEqual({
    code: 1,
    stdout: "",
    stderr: [
      `veilmq: error: cannot listen on 127.0.0.1 port ${port} (EADDRINUSE)`,
      "veilmq: hint: another process listens there: stop it, or choose another port",
      "",
    ].join("\n"),
  });
});

test("it serves TLS there, behind a token that it makes once and keeps for itself", async () => {
  const folder = await testFolder();
  const key = join(folder, "server.key");
  await writeFile(key, await readFile(join(CERTIFICATE, "server.key")), { mode: 0o600 });
  const tokenFile = join(folder, "token");
  const args = [
    ...["--credential", await credentialIn(folder), "--host", "0.0.0.0", "--port", "0"],
    ...["--tls-cert", join(CERTIFICATE, "server.pem"), "--tls-key", key, "--token-file", tokenFile],
  ];
  const { child, said } = await start(args);
  const token = (await readFile(tokenFile, "utf8")).trim();
  expect(said).toContain(`veilmq: the token to log in with: ${token}\n`);
  expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);
  const port = Number(/ is at https:\/\/([^:]+):(\d+)\//.exec(said)?.[2]);
  expect(said).toContain(` is at https://${hostname()}:${port}/\n`);
  const ca = await readFile(join(CERTIFICATE, "ca.pem"));
  const ask = async (path: string, form?: string, headers: Record<string, string> = {}) => {
    const method = form === undefined ? "GET" : "POST";
    const length = form === undefined ? {} : { "content-length": String(form.length) };
    const call = request({
      ...{ host: "127.0.0.1", port, path, method, ca, servername: "localhost" },
      headers: { ...length, ...headers },
    });
    call.end(form);
    const [answer] = await once(call, "response");
    return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
  };
  expect((await ask("/api/about")).status).toBe(401);
  const entered = await ask("/login", new URLSearchParams({ token }).toString());
  const [cookie = ""] = entered.headers["set-cookie"] ?? [];
  expect(cookie).toContain("; Secure");
  const about = await ask("/api/about", undefined, { cookie: cookie.split(";")[0] });
  expect(JSON.parse(about.body)).toMatchObject({ client: "desk", login: true });
  child.kill("SIGTERM");
  expect((await once(child, "exit"))[0]).toBe(0);

  const again = await start(args);
  expect(again.said).not.toContain(token);
});
