import { once } from "node:events";
import { connect, createServer, Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { interceptReads, type ReadHandlers } from "../../../../core/ports/mqtt/server-socket.ts";

const open: { destroy(): void }[] = [];

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

/** Two ends of a real connection. */
async function pair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port");
  const far = connect({ host: "127.0.0.1", port: address.port, noDelay: true });
  const [near] = await once(server, "connection");
  server.close();
  open.push(near, far);
  return { near, far };
}

/** A reader as aedes is one: it takes what there is when it hears of it, unless it is still busy. */
function readWhen(socket: Socket, isFree: () => boolean): Buffer[] {
  const chunks: Buffer[] = [];
  socket.on("readable", () => {
    if (!isFree()) return;
    const chunk: unknown = socket.read();
    if (chunk instanceof Buffer) chunks.push(chunk);
  });
  return chunks;
}

describe("what is read of a socket", () => {
  test("comes to a reader who waits within the turn in which it comes, past the socket's buffer", async () => {
    const { near, far } = await pair();
    // Where Node puts what it has read into the buffer.
    const buffered = vi.spyOn(Socket.prototype, "push");
    onTestFinished(() => buffered.mockRestore());
    interceptReads(near, {
      inspect: () => true,
      isPaused: () => false,
      sliceBytes: () => undefined,
    });
    const chunks = readWhen(near, () => true);
    for (const word of ["first", "second", "third"]) {
      far.write(word);
      await expect.poll(() => Buffer.concat(chunks).toString()).toMatch(new RegExp(`${word}$`));
    }
    expect(buffered).not.toHaveBeenCalled();
  });

  test("takes no more memory than it has bytes, in pieces of Buffer's pool, and stays as it is when others are read", async () => {
    const chunks: Buffer[] = [];
    for (const word of ["first", "second", "third"]) {
      const { near, far } = await pair();
      interceptReads(near, {
        inspect: () => true,
        isPaused: () => false,
        sliceBytes: () => undefined,
      });
      near.on("readable", () => chunks.push(near.read()));
      far.write(word);
      await expect.poll(() => chunks.at(-1)?.toString()).toBe(word);
    }
    expect(chunks.map(String)).toEqual(["first", "second", "third"]);
    for (const { buffer } of chunks) expect(buffer.byteLength).toBe(Buffer.poolSize);
  });

  test("is all that was sent, in order and once, whoever is paused, busy or read in slices meanwhile", async () => {
    const { near, far } = await pair();
    let turn = 0;
    const inspected: Buffer[] = [];
    const handlers: ReadHandlers = {
      inspect: (chunk) => inspected.push(Buffer.from(chunk)) > 0,
      isPaused: () => turn % 7 === 3,
      sliceBytes: () => (turn % 5 === 1 ? 64 : undefined),
    };
    interceptReads(near, handlers);
    const chunks = readWhen(near, () => turn % 3 !== 2);
    const sent = Buffer.alloc(400_000);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32BE(at, at);
    for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7 + 13) % 5000) {
      size = Math.max(1, size);
      far.write(sent.subarray(at, at + size));
      turn += 1;
      await setImmediate();
    }
    far.end();
    // As after a pause, until nothing is left.
    await expect
      .poll(
        () => {
          turn += 1;
          near.emit("readable");
          return Buffer.concat(chunks).length;
        },
        { interval: 1, timeout: 20_000 },
      )
      .toBe(sent.length);
    expect(Buffer.concat(chunks).equals(sent)).toBe(true);
    expect(Buffer.concat(inspected).equals(sent)).toBe(true);
  });
});
