/**
 * One process at a time in a folder.
 *
 * A pid file outlives kill -9 and power cuts, and clearing a stale one is a race. Linux's abstract socket names do
 * not: the kernel frees the name with the process. The name is the folder's device and inode, so a symbolic link or
 * another spelling of the path is the same lock. Containers with networks of their own do not see each other's names:
 * a folder belongs to one of them.
 */
import { stat } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { VeilError } from "../errors.ts";

export class FolderLock {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Throws UNAVAILABLE while another process, or another part of this one, has `folder`. */
  static async take(folder: string): Promise<FolderLock> {
    const { dev, ino } = await stat(folder, { bigint: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once("error", (cause) =>
        reject(
          new VeilError("UNAVAILABLE", `${folder} is in use by another process`, {
            hint: "each process needs a folder of its own",
            cause,
          }),
        ),
      );
      server.listen({ path: `\0veilmq-${dev}-${ino}` }, resolve);
    });
    server.unref();
    return new FolderLock(server);
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
