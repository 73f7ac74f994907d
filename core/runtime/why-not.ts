/** What is thrown where a file cannot be read or made: with the reason, save where the system's is a rare one. */
import { type ErrorCode, VeilError } from "../errors.ts";

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

export function cannotRead(
  path: string,
  cause: unknown,
  { code, hint }: { readonly code: ErrorCode; readonly hint?: string },
): VeilError {
  const reason = READING[systemCodeOf(cause)] ?? "";
  return new VeilError(code, `cannot read ${path}${reason}`, {
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/** `ifTaken` is the hint where what should be made is there already. */
export function cannotMake(
  path: string,
  cause: unknown,
  { code, ifTaken }: { readonly code: ErrorCode; readonly ifTaken: string },
): VeilError {
  const systemCode = systemCodeOf(cause);
  return new VeilError(code, `cannot make ${path}${MAKING[systemCode] ?? ""}`, {
    ...(systemCode === "EEXIST" && { hint: ifTaken }),
    cause,
  });
}

/** Such as ENOENT; empty where it is no error of the system's. */
export function systemCodeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}
