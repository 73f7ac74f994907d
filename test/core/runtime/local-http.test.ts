import { spawnSync } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { askLocal, jsonAnswer, LocalHttpServer } from "../../../core/runtime/local-http.ts";
import { testFolder } from "../../support/folder.ts";

async function start(socketPath: string, body = "one"): Promise<LocalHttpServer> {
  const routes = { "/status": () => jsonAnswer({ body }) };
  const server = new LocalHttpServer({ socketPath, routes });
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

test("answers what it serves, to its owner alone", async () => {
  const socketPath = join(await testFolder(), "a.sock");
  await start(socketPath);
  expect(await askLocal(socketPath, "/status")).toBe('{"body":"one"}\n');
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  for (const path of ["/", "/toString", "/status/"])
    await expect(askLocal(socketPath, path)).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("its name may be longer than a socket's address", async () => {
  const folder = join(
    await testFolder(),
    "usb-Silicon_Labs_CP2102N_USB_to_UART_Bridge_Controller_".repeat(3),
  );
  await mkdir(folder);
  const socketPath = join(folder, "agent.sock");
  const server = await start(socketPath);
  expect(await askLocal(socketPath, "/status")).toBe('{"body":"one"}\n');
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  const second = new LocalHttpServer({ socketPath, routes: {} });
  await expect(second.start()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await server.stop();
  await expect(stat(socketPath)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(askLocal(socketPath, "/status")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("a route that fails is an answer too", async () => {
  const socketPath = join(await testFolder(), "a.sock");
  const routes = {
    "/status": () => {
      throw new Error("broken");
    },
  };
  const server = new LocalHttpServer({ socketPath, routes });
  await server.start();
  onTestFinished(() => server.stop());
  await expect(askLocal(socketPath, "/status")).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

test("takes the name over from a process that was killed, not from one that lives", async () => {
  const socketPath = join(await testFolder(), "a.sock");
  spawnSync(process.execPath, [
    "-e",
    "require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 9))",
    socketPath,
  ]);
  await stat(socketPath);
  await start(socketPath);
  const second = new LocalHttpServer({ socketPath, routes: {} });
  await expect(second.start()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await askLocal(socketPath, "/status")).toBe('{"body":"one"}\n');
});

test("a stop frees the name", async () => {
  const socketPath = join(await testFolder(), "a.sock");
  const server = await start(socketPath);
  await server.stop();
  await expect(stat(socketPath)).rejects.toMatchObject({ code: "ENOENT" });
  await start(socketPath, "two");
  expect(await askLocal(socketPath, "/status")).toBe('{"body":"two"}\n');
});

test("a path that no socket can have is refused with its length", async () => {
  const socketPath = join(await testFolder(), "x".repeat(120));
  const server = new LocalHttpServer({ socketPath, routes: {} });
  await expect(server.start()).rejects.toMatchObject({ code: "CONFIG" });
});
