/** Files that must not be torn, and files that must not be read by others. */
import { randomUUID } from "node:crypto";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  rename,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ErrorCode, VeilError } from "../errors.ts";
import { cannotRead } from "./why-not.ts";

const SECRET_MODE = 0o600;
const OTHERS = 0o077;

/**
 * Replaces `path` atomically: a temporary file beside it, fsync, rename, fsync of the folder. Throws what `data` throws;
 * then nothing has changed.
 */
export async function replaceFile(
  path: string,
  data: Uint8Array | string | AsyncIterable<Uint8Array>,
  mode = 0o644,
): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  const file = await open(temporary, "wx", mode);
  try {
    await writeFile(file, data);
    await file.sync();
    await file.close();
    await rename(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

/** As `replaceFile`, readable by its owner alone. */
export async function replaceSecretFile(
  path: string,
  data: Uint8Array | string | AsyncIterable<Uint8Array>,
): Promise<void> {
  await replaceFile(path, data, SECRET_MODE);
}

/** Makes a rename or a new file in `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Reads a secret of at most `maxBytes`. Throws SECRET_FILE where it is missing or others may read it. */
export async function readSecretFile(path: string, maxBytes = 64 * 2 ** 20): Promise<Buffer> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw cannotRead(path, cause, { code: "SECRET_FILE" });
  }
  try {
    const found = await file.stat();
    const { mode, size } = found;
    if (found.isDirectory()) throw new VeilError("SECRET_FILE", `${path} is a folder`);
    // systemd mounts credentials 0440 for the unit's own group in a folder that nobody else enters.
    const systemd = process.env["CREDENTIALS_DIRECTORY"];
    if ((mode & OTHERS) !== 0 && dirname(path) !== systemd)
      throw new VeilError("SECRET_FILE", `${path} can be read by others`, {
        hint: `chmod 600 ${path}`,
      });
    if (size > maxBytes) throw new VeilError("SECRET_FILE", `${path} is too large`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Reads a file that somebody named. Throws `code`, with the reason, where that cannot be. */
export async function readGivenFile(
  path: string,
  code: ErrorCode = "BAD_ARGUMENT",
): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    throw cannotRead(path, cause, { code });
  });
}

/** Makes `folder` and its parents, 0700 where it is new. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Whether something is at `path`. */
export async function fileExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
