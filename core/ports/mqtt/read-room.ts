/**
 * One piece of memory that all sockets are read into. Node makes 64 KiB for each read and gives back what it did not take, which
 * cost a bridge of 500 clients a twentieth of its processor. It knows such a room by the option `onread` of a socket that one makes oneself;
 * those that a server accepts get it here, by the fields of that option.
 */
import { Socket } from "node:net";

/** What libuv reads at most. */
const ROOM = Buffer.allocUnsafeSlow(64 * 1024);

/** Where a socket has its room, and whom it tells of what lies there. A Node without them reads as ever. */
const FIELDS = Object.getOwnPropertySymbols(new Socket());
const BUFFER = FIELDS.find(({ description }) => description === "kBuffer");
const CALLBACK = FIELDS.find(({ description }) => description === "kBufferCb");

/** From the next read on `push` gets a copy that is no larger than what was read. */
export function readIntoRoom(socket: Socket): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (!BUFFER || !CALLBACK || !isReadable(handle)) return;
  Reflect.set(socket, BUFFER, ROOM);
  Reflect.set(socket, CALLBACK, pushCopy);
  handle.useUserBuffer(ROOM);
}

/** Node's own handle of a socket. */
interface Readable {
  useUserBuffer(room: Uint8Array): void;
}

function isReadable(handle: unknown): handle is Readable {
  return typeof handle === "object" && handle !== null && "useUserBuffer" in handle;
}

/** As Node does with a chunk of its own; `false` ends reading until there is room again. */
function pushCopy(this: Socket, count: number, room: Buffer): boolean {
  const chunk = Buffer.allocUnsafe(count);
  room.copy(chunk, 0, 0, count);
  // There may have been a secret in it.
  room.fill(0, 0, count);
  return this.push(chunk);
}
