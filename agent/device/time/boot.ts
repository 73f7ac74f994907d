/** Which boot of the device this is, and the time since it began. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Enough to tell the boots of a device apart for longer than it lasts. */
const ID_BYTES = 8;
const NS_PER_MS = 1e6;

/**
 * 8 bytes as b64url, the same for every process of this boot; elsewhere than on Linux, of this process. A digest of
 * the kernel's id, which systemd advises not to give away: it is kept with others' secrets.
 */
export function bootId(path = BOOT_ID): string {
  return digest(readBootId(path)).subarray(0, ID_BYTES).toString("base64url");
}

/** Milliseconds since the boot, as CLOCK_MONOTONIC counts: never back, not while asleep, the same for all processes. */
export function sinceBootMs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}

function readBootId(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return randomBytes(ID_BYTES);
  }
}

function digest(bytes: Buffer): Buffer {
  return createHash("sha256").update("VEILMQ-V01-boot\0").update(bytes).digest();
}
