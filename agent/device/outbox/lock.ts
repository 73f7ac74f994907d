/**
 * One process per outbox folder. Two writers would give out the same sequences.
 *
 * A pid file outlives kill -9 and power cuts, and clearing a stale one is a race. Linux's abstract socket
 * names do not: the kernel frees the name with the process. The name is the folder's device and inode,
 * so a symbolic link or another spelling of the path is the same lock.
 */
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { VeilError } from "../../../core/errors.ts";

export class FolderLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws UNAVAILABLE while another process, or another outbox of this one, has `folder`. */
  static async take(folder: string): Promise<FolderLock> {
    const { dev, ino } = await stat(folder, { bigint: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new VeilError("UNAVAILABLE", `the outbox ${folder} is in use`, {
            hint: "is another agent running with this outbox? Each needs its own folder",
            cause,
          }),
        ),
      );
      server.listen({ path: `\0veilmq-outbox-${dev}-${ino}` }, resolve);
    });
    server.unref();
    return new FolderLock(server);
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
