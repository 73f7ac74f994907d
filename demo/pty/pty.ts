/**
 * A pseudo-terminal that plays a sensor: what is written here arrives at `path` as from a serial port.
 * Held open by a python3 child, because Node cannot open one without native code; when the child is
 * killed the port hangs up, as a pulled USB cable does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rename, symlink, unlink } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { VeilError } from "../../core/errors.ts";

export interface PtyOptions {
  /** A symbolic link to the port: a name that stays over unplug and replug. Replaced if it exists. */
  readonly link?: string;
  /** Called with the terminal's own name before the link is there. */
  readonly prepare?: (terminal: string) => Promise<void>;
}

export interface Pty {
  /** What to open: the link if one was asked for, or else the terminal itself. */
  readonly path: string;
  /** What was written to the port from the other side; for one reader. */
  readonly received: AsyncIterable<Buffer>;
  /** Sends bytes to whoever has the port open; waits while the keeper takes no more. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** Unplugs: the port hangs up at once, and the link is gone. */
  close(): Promise<void>;
}

/**
 * Tells the terminal's name on descriptor 3, then copies stdin to it and it to stdout, until stdin ends.
 * It keeps the port's end open too: a moment without a reader would otherwise end the terminal.
 */
const KEEPER = `
import os, selectors, sys, tty
terminal, port = os.openpty()
tty.setraw(port)
os.write(3, os.ttyname(port).encode())
os.close(3)
selector = selectors.DefaultSelector()
selector.register(0, selectors.EVENT_READ, terminal)
selector.register(terminal, selectors.EVENT_READ, 1)
while True:
    for key, _ in selector.select():
        data = os.read(key.fd, 65536)
        if not data: sys.exit(0)
        while data: data = data[os.write(key.data, data):]
`;

/** Opens a pseudo-terminal in raw mode. Throws MISSING_TOOL without python3. */
export async function openPty({ link, prepare }: PtyOptions = {}): Promise<Pty> {
  const child = spawn("python3", ["-c", KEEPER], { stdio: ["pipe", "pipe", "inherit", "pipe"] });
  const { stdin, stdout } = child;
  const name = child.stdio[3];
  if (stdin === null || stdout === null || !(name instanceof Readable))
    throw new VeilError("INTERNAL", "a child process without pipes");
  child.on("error", () => undefined);
  // A write after the end fails in its own callback.
  stdin.on("error", () => undefined);
  const terminal = await text(name);
  if (terminal === "")
    throw new VeilError("MISSING_TOOL", "python3 could not open a pseudo-terminal", {
      hint: "is python3 installed, and /dev/pts mounted?",
    });
  await prepare?.(terminal);
  if (link !== undefined) await replaceLink(terminal, link);
  return {
    path: link ?? terminal,
    received: stdout,
    write: (bytes) => send(stdin, bytes),
    close: async () => {
      if (link !== undefined) await unlink(link).catch(() => undefined);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function text(stream: Readable): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

async function send(stdin: Writable, bytes: Uint8Array | string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stdin.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Atomically, so that nobody finds no port where there was one. */
async function replaceLink(target: string, link: string): Promise<void> {
  const temporary = `${link}.${process.pid}`;
  await symlink(target, temporary);
  await rename(temporary, link);
}
