/**
 * TLS that begins when the client's whole ClientHello is there. Node never gives back the buffer into which it reads a TLS
 * connection first: 64 KiB where it reads by itself, as many as the first words where a socket brings them along. And who says
 * nothing, or a byte a second, costs no TLS.
 */
import type { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";

/** RFC 8446 §5.1: type(1) version(2) length(2), and so many bytes. */
const RECORD_HEADER_BYTES = 5;
const LENGTH_AT = 3;
const HANDSHAKE = 22;
/** Several times what any client says. With more, and with what is no handshake, TLS deals at once. */
const MAX_HELLO_BYTES = 8192;

export interface FirstWordsOptions {
  readonly server: TlsServer;
  /** It ends where it has not said them by then. */
  readonly withinMs: number;
  /** Called with the words still in the socket. */
  readonly begin: (socket: Socket) => void;
}

/** Who ends before is told of as Node tells of a handshake that failed. */
export function onFirstWords(socket: Socket, { server, withinMs, begin }: FirstWordsOptions): void {
  const waiting = setTimeout(() => socket.destroy(), withinMs);
  const closed = (): void => {
    clearTimeout(waiting);
    server.emit("tlsClientError", new Error("it ended without a word"), socket);
  };
  let hello = Buffer.alloc(0);
  const heard = (): void => {
    const words: unknown = socket.read();
    // Its end is readable, too.
    if (!Buffer.isBuffer(words)) {
      socket.destroy();
      return;
    }
    hello = Buffer.concat([hello, words]);
    if (hello.length < helloBytes(hello)) return;
    clearTimeout(waiting);
    socket.off("readable", heard).off("close", closed).off("error", ignore);
    socket.unshift(hello);
    begin(socket);
  };
  socket.once("close", closed).on("error", ignore).on("readable", heard);
}

/** How many bytes of a connection to wait for, by its first ones. */
function helloBytes(words: Buffer): number {
  if (words[0] !== HANDSHAKE) return 0;
  if (words.length < RECORD_HEADER_BYTES) return RECORD_HEADER_BYTES;
  const bytes = RECORD_HEADER_BYTES + words.readUInt16BE(LENGTH_AT);
  return bytes > MAX_HELLO_BYTES ? 0 : bytes;
}

function ignore(): void {
  // "close" comes after it.
}
