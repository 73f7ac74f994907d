/** Why a file could not be read or made, for the end of a message; nothing where the system's reason is a rare one. */

const READING: Readonly<Record<string, string>> = {
  ENOENT: ": it is not there",
  EISDIR: ": it is a folder",
  ENOTDIR: ": its folder is a file",
  EACCES: ": it may not be read",
};

const MAKING: Readonly<Record<string, string>> = {
  ENOENT: ": its folder is not there",
  EISDIR: ": it is a folder",
  ENOTDIR: ": its folder is a file",
  EACCES: ": its folder may not be written to",
  EEXIST: ": it exists already",
  EROFS: ": the disk may not be written to",
  ENOSPC: ": the disk is full",
};

export function whyNotRead(cause: unknown): string {
  return READING[codeOf(cause)] ?? "";
}

export function whyNotMade(cause: unknown): string {
  return MAKING[codeOf(cause)] ?? "";
}

/** Whether what should be made is there already. */
export function isTaken(cause: unknown): boolean {
  return codeOf(cause) === "EEXIST";
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}
