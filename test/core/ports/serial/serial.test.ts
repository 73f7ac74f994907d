import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  openSerial,
  type SerialConnection,
  type SerialOptions,
} from "../../../../core/ports/serial/serial.ts";
import { openPty, type Pty, type PtyOptions } from "../../../../demo/pty/pty.ts";
import { testFolder } from "../../../support/folder.ts";

async function plugIn(options?: PtyOptions): Promise<Pty> {
  const pty = await openPty(options);
  onTestFinished(() => pty.close());
  return pty;
}

async function connect(
  path: string,
  options: Partial<SerialOptions> = {},
): Promise<SerialConnection> {
  const connection = await openSerial({ path, baudRate: 115_200, ...options });
  onTestFinished(() => connection.close());
  return connection;
}

/** Takes `count` bytes from a connection. */
async function take(connection: SerialConnection, count: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of connection.bytes) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= count) break;
  }
  return Buffer.concat(chunks);
}

describe("an open port", () => {
  test("every byte arrives as it was sent, also those that terminals treat specially", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path);
    const all = Buffer.from(Array.from({ length: 4096 }, (_, i) => i % 256));
    await pty.write(all);
    expect(await take(connection, all.length)).toEqual(all);
  });

  test("with rests between the reads every byte arrives, before and after a silence, up to a hang-up", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path, { restMs: 20 });
    const heard = (async () => {
      let text = "";
      for await (const chunk of connection.bytes) text += chunk.toString();
      return text;
    })();
    let sent = "";
    for (const pauseMs of [5, 5, 5, 100, 0, 30, 100]) {
      sent += `${pauseMs};`;
      await pty.write(`${pauseMs};`);
      await sleep(pauseMs);
    }
    await connection.close();
    expect(await heard).toBe(sent);
    const again = await connect(pty.path, { restMs: 20 });
    const bytes = take(again, 2);
    await pty.write("1;");
    expect((await bytes).toString()).toBe("1;");
    await pty.close();
    expect(await again.closed).toMatchObject({ code: "DISCONNECTED" });
  });

  test("what is written arrives at the device, in order", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path);
    await Promise.all([
      connection.write(Buffer.from("one ")),
      connection.write(Buffer.from("two")),
    ]);
    const received: Buffer[] = [];
    for await (const chunk of pty.received) {
      received.push(chunk);
      if (Buffer.concat(received).toString() === "one two") break;
    }
  });

  test("a slow taker slows the sender down; nothing is lost and little is held", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path, { maxBufferBytes: 4096 });
    const all = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
    let sent = false;
    const sending = (async () => {
      for (let at = 0; at < all.length; at += 10_000)
        await pty.write(all.subarray(at, at + 10_000));
      sent = true;
    })();
    await sleep(300);
    expect(sent).toBe(false);
    expect(await take(connection, all.length)).toEqual(all);
    await sending;
  });

  test("close ends the bytes without an error, and writing from then on fails", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path);
    const reading = take(connection, 1);
    await connection.close();
    expect(await reading).toHaveLength(0);
    expect(await connection.closed).toBeNull();
    await expect(connection.write(Buffer.from("late"))).rejects.toMatchObject({ code: "STOPPED" });
  });

  test("a signal closes it", async () => {
    const pty = await plugIn();
    const abort = new AbortController();
    const connection = await connect(pty.path, { signal: abort.signal });
    abort.abort();
    expect(await connection.closed).toBeNull();
    await expect(connect(pty.path, { signal: abort.signal })).rejects.toMatchObject({
      code: "STOPPED",
    });
  });
});

describe("a hang-up", () => {
  test("in traffic ends the connection soon, with an error and without spinning", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path);
    const traffic = (async () => {
      for (;;) await pty.write("21.5 degrees\n");
    })().catch(() => "unplugged");
    const reading = (async () => {
      for await (const _ of connection.bytes);
    })();
    await sleep(100);
    // Looked at from before it happens: it may end while the pty is still being closed.
    const ended = expect(reading).rejects.toMatchObject({ code: "DISCONNECTED", retryable: true });
    const unplugged = performance.now();
    await pty.close();
    await ended;
    expect(performance.now() - unplugged).toBeLessThan(5000);
    expect(await connection.closed).toMatchObject({ code: "DISCONNECTED" });
    expect(await traffic).toBe("unplugged");

    const before = process.cpuUsage();
    await sleep(500);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(250);
  });

  test("with nobody taking the bytes is noticed too, and the last bytes are still delivered", async () => {
    const pty = await plugIn();
    const connection = await connect(pty.path);
    await pty.write("last words");
    await sleep(50);
    await pty.close();
    expect(await connection.closed).toMatchObject({ code: "DISCONNECTED" });
    let text = "";
    const reading = (async () => {
      for await (const chunk of connection.bytes) text += chunk.toString();
    })();
    await expect(reading).rejects.toMatchObject({ code: "DISCONNECTED" });
    expect(text).toBe("last words");
  });

  test("makes a write fail; it is not kept for the next connection", async () => {
    const link = join(await testFolder(), "port");
    const pty = await plugIn({ link });
    const connection = await connect(link);
    await pty.close();
    await connection.closed;
    await expect(connection.write(Buffer.from("stale"))).rejects.toMatchObject({
      code: "DISCONNECTED",
    });
    const next = await plugIn({ link });
    const fresh = await connect(link);
    await fresh.write(Buffer.from("fresh"));
    for await (const chunk of next.received) {
      expect(chunk.toString()).toBe("fresh");
      break;
    }
  });
});

describe("a port that cannot be opened", () => {
  test("because it is not there", async () => {
    const opening = connect("/dev/serial/by-id/none");
    await expect(opening).rejects.toMatchObject({
      code: "UNAVAILABLE",
      hint: expect.stringContaining("plugged in"),
    });
  });

  test("because it is a plain file", async () => {
    const path = join(await testFolder(), "file");
    await writeFile(path, "");
    await expect(connect(path)).rejects.toMatchObject({ code: "CONFIG" });
  });

  test("because somebody else has it", async () => {
    const pty = await plugIn();
    const first = await connect(pty.path);
    await expect(connect(pty.path)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("another process"),
    });
    await first.close();
    await connect(pty.path);
  });
});
