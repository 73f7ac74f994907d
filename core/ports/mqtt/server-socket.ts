/** What the server does to a socket beside aedes: look at every byte first, and end so that last words arrive. */
import { Socket } from "node:net";
import { readIntoRoom } from "./read-room.ts";

/**
 * After the last words the client's bytes are read and dropped this long: unread bytes would make the close
 * a reset, which takes the last words away.
 */
const LINGER_MS = 2000;

/** Who looks at what comes in. */
export interface ReadHandlers {
  /** Whether the reader may have the chunk. */
  inspect(chunk: Uint8Array): boolean;
  isPaused(): boolean;
  /** How many bytes the reader gets at once; all that there are if `undefined`. */
  sliceBytes(): number | undefined;
}

/**
 * Shows every chunk to `inspect` before the reader gets it; where that says `false` the reader gets nothing.
 * aedes takes bytes by `read()` alone. While `isPaused`, they stay in the socket and then in the network. What a slice leaves comes
 * after others had their turn.
 *
 * What comes while nothing waits is offered to the reader at once. Through the socket's buffer it would take two more turns of
 * `nextTick` and a list: a tenth of all that a record of one of 500 clients cost.
 */
export function interceptReads(socket: Socket, handlers: ReadHandlers): void {
  const { push, read } = Socket.prototype;
  const inspected = (chunk: unknown): Uint8Array | null =>
    chunk instanceof Uint8Array && handlers.inspect(chunk) ? chunk : null;
  let arrived: Uint8Array | undefined;
  readIntoRoom(socket);
  socket.push = (chunk: unknown, encoding?: BufferEncoding) => {
    const isWhole = socket.readableLength === 0 && handlers.sliceBytes() === undefined;
    if (isWhole && chunk instanceof Uint8Array) {
      arrived = chunk;
      socket.emit("readable");
      if (!arrived) return true;
      arrived = undefined;
    }
    return push.call(socket, chunk, encoding);
  };
  socket.read = (size?: number) => {
    // `read(0)` is Node's own way to have the buffer filled.
    if (size === 0) return read.call(socket, 0);
    if (handlers.isPaused()) return null;
    if (arrived) {
      const chunk = arrived;
      arrived = undefined;
      return inspected(chunk);
    }
    const slice = handlers.sliceBytes();
    const isCut = slice !== undefined && socket.readableLength > slice;
    const chunk: unknown = read.call(socket, isCut ? slice : size);
    if (isCut) setImmediate(() => socket.emit("readable"));
    return inspected(chunk);
  };
}

/** Closes once `lastWords` are out and the client has closed, too, or after a while. */
export function endGently(socket: Socket, lastWords: Promise<unknown>): void {
  socket.removeAllListeners("readable");
  socket.on("readable", () => socket.read());
  socket.read();
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(linger));
  lastWords.catch(() => undefined).finally(() => socket.end());
}
