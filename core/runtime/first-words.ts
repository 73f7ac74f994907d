/**
 * TLS that begins when the client has spoken. Node never gives back the buffer into which it reads a TLS connection first: 64 KiB
 * where it reads by itself, as many as the first words where a socket brings them along. And who says nothing costs no TLS.
 */
import type { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";

export interface FirstWordsOptions {
  readonly server: TlsServer;
  /** It ends where it has said nothing by then. */
  readonly withinMs: number;
  /** Called with the words still in the socket. */
  readonly begin: (socket: Socket) => void;
}

/** Who ends without a word is told of as Node tells of a handshake that failed. */
export function onFirstWords(socket: Socket, { server, withinMs, begin }: FirstWordsOptions): void {
  const waiting = setTimeout(() => socket.destroy(), withinMs);
  const closed = (): void => {
    clearTimeout(waiting);
    server.emit("tlsClientError", new Error("it ended without a word"), socket);
  };
  socket.once("close", closed).on("error", ignore);
  socket.once("readable", () => {
    // Its end is readable, too.
    if (socket.readableLength === 0) {
      socket.destroy();
      return;
    }
    clearTimeout(waiting);
    socket.off("close", closed).off("error", ignore);
    begin(socket);
  });
}

function ignore(): void {
  // "close" comes after it.
}
