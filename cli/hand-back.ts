/**
 * What root makes in the folder of a service that has a user of its own is given to that user, who could not read it
 * otherwise. Follows no link, and takes only root's files that have no other name: the service may have put others there.
 */
import { constants } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Of the folder `name` in `parent`, to whoever has `parent`; nothing is done for another user than root. */
export async function handBack(parent: string, name: string): Promise<void> {
  const { uid, gid } = await stat(parent);
  if (process.getuid?.() !== 0 || uid === 0) return;
  const names = await readdir(parent);
  if (!names.includes(name)) return;
  const folder = await open(join(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if ((await folder.stat()).uid === 0) await folder.chown(uid, gid);
    const same = `/proc/self/fd/${folder.fd}`;
    for (const entry of await readdir(same)) {
      // A link, for one, cannot be opened in this way.
      const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
      const file = await open(join(same, entry), flags).catch(() => null);
      if (!file) continue;
      try {
        const found = await file.stat();
        if (found.isFile() && found.uid === 0 && found.nlink === 1) await file.chown(uid, gid);
      } finally {
        await file.close();
      }
    }
  } finally {
    await folder.close();
  }
}
