/** Serving a device that speaks by itself: bytes in, frames out. */
import type { SerialConnection } from "../../../core/ports/serial/serial.ts";
import type { Frame, Framer } from "../framing/framer.ts";

export interface ListenOptions {
  readonly framer: Framer;
  /**
   * Takes the frames that arrived together, in order. While it has not resolved, the port is read ahead
   * up to its bound and no further: whoever cannot keep up slows the line, not the memory.
   */
  readonly onFrames: (frames: readonly Frame[]) => Promise<void>;
}

/** For `SerialLine`: each connection begins with nothing of the one before. */
export function listen({
  framer,
  onFrames,
}: ListenOptions): (connection: SerialConnection) => Promise<void> {
  return async (connection) => {
    const take = async (frames: readonly Frame[]): Promise<void> => {
      if (frames.length > 0) await onFrames(frames);
    };
    framer.reset();
    try {
      for await (const chunk of connection.bytes) await take(framer.push(chunk));
    } finally {
      // A whole frame may still wait for what would have followed.
      await take(framer.flush());
    }
  };
}
