/** What systemd would be told, on a real notification socket that a child reads: Node has no unix datagrams. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { Pulse } from "../../../core/runtime/pulse.ts";
import { Systemd } from "../../../core/runtime/sd-notify.ts";
import { testFolder } from "../../support/folder.ts";

const WAIT = { timeout: 60_000, interval: 20 };

/** Prints the first line of each datagram; the descriptors that come with some are let go. */
const LISTENER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(listener, 4096, 8)
    for descriptor in descriptors: os.close(descriptor)
    if data: print(data.decode().split("\\n")[0], flush=True)
`;

async function notifySocket(): Promise<{ path: string; told: string[] }> {
  const path = join(await testFolder(), "notify");
  const child = spawn("python3", ["-c", LISTENER, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout });
  const told: string[] = [];
  await once(lines, "line");
  lines.on("line", (line) => {
    // How systemd-notify waits until its message was read.
    if (line !== "BARRIER=1") told.push(line);
  });
  return { path, told };
}

const silent = pino({ level: "silent" });

test("is told of start and stop, and fed while the loops turn, and not a moment longer", async () => {
  const { path, told } = await notifySocket();
  let nowMs = 0;
  const pulse = new Pulse("loop", () => nowMs);
  pulse.beat(1000);
  const log: string[] = [];
  const systemd = new Systemd({
    pulses: () => [pulse],
    log: pino({ level: "fatal" }, { write: (line: string) => void log.push(line) }),
    env: { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: "300000" },
  });
  await systemd.ready();
  await vi.waitFor(
    () => expect(told.slice(0, 3)).toEqual(["READY=1", "WATCHDOG=1", "WATCHDOG=1"]),
    WAIT,
  );
  nowMs = 1001;
  await vi.waitFor(() => expect(log).toHaveLength(1), WAIT);
  expect(log[0]).toContain('"loops":["loop"]');
  // What was on its way when the loop began to hang.
  await vi.waitFor(async () => {
    const before = told.length;
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(told).toHaveLength(before);
  }, WAIT);
  pulse.beat(1000);
  const fed = told.length;
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(fed), WAIT);
  await systemd.stopping();
  await vi.waitFor(() => expect(told.at(-1)).toBe("STOPPING=1"), WAIT);
});

test("without systemd nothing is spawned; another process's watchdog is not fed", async () => {
  const none = new Systemd({ pulses: () => [], log: silent, env: {} });
  await none.ready();
  await none.stopping();
  const { path, told } = await notifySocket();
  const env = { ...process.env, NOTIFY_SOCKET: path, WATCHDOG_USEC: "30000", WATCHDOG_PID: "1" };
  const other = new Systemd({ pulses: () => [], log: silent, env });
  await other.ready();
  await new Promise((resolve) => setTimeout(resolve, 200));
  await other.stopping();
  await vi.waitFor(() => expect(told).toEqual(["READY=1", "STOPPING=1"]), WAIT);
});
