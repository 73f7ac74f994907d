/** What attackers do with raw sockets. */
import { connect, type Socket } from "node:net";
import { pause } from "../../../core/runtime/backoff.ts";

export const FAST_MS = 5;
const TICK_MS = 1;

export function open(port: number): Socket {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  socket.on("error", () => undefined);
  return socket;
}

/** Writes as long as the other end takes it: what is held back waits in the kernel, not here. */
export async function pour(socket: Socket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !socket.destroyed) {
    if (socket.write(bytes)) await pause(TICK_MS, signal);
    else await settled(socket, "drain", signal);
  }
}

/** Resolves at `event`, at the socket's end, or when `signal` aborts. */
export async function settled(
  socket: Socket,
  event: "drain" | "close" | "connect",
  signal: AbortSignal,
): Promise<void> {
  if (socket.destroyed || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off(event, done).off("close", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    socket.once(event, done);
    socket.once("close", done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Many at once connect, say `words`, and connect again as soon as they are closed. */
export async function overAndOver(
  { port, count, words }: { port: number; count: number; words: (n: number) => Buffer },
  signal: AbortSignal,
): Promise<void> {
  let said = 0;
  const attack = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = open(port);
      socket.resume();
      socket.write(words(said++));
      await settled(socket, "close", signal);
      socket.destroy();
      await pause(FAST_MS, signal);
    }
  };
  await Promise.all(Array.from({ length: count }, attack));
}

/** Many at once connect and say `words` a byte a second; silent ones say none. */
export async function trickle(
  { port, count, words }: { port: number; count: number; words: Buffer },
  signal: AbortSignal,
): Promise<void> {
  const attack = async (): Promise<void> => {
    while (!signal.aborted) {
      const socket = open(port);
      socket.resume();
      for (const byte of words) {
        if (socket.destroyed || !(await pause(1000, signal))) break;
        socket.write(Buffer.of(byte));
      }
      await settled(socket, "close", signal);
      socket.destroy();
      await pause(FAST_MS, signal);
    }
  };
  await Promise.all(Array.from({ length: count }, attack));
}
