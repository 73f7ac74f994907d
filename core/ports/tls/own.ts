/** A client's own certificate, for a bridge that asks for one. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { VeilError } from "../../errors.ts";
import { readSecretFile } from "../../runtime/files.ts";
import { whyNotRead } from "../../runtime/why-not.ts";

/** Paths of PEM files. */
export const ownCertificateSchema = z.strictObject({
  cert: z.string().min(1),
  /** Mode 0600. */
  key: z.string().min(1),
});

/** PEM. */
export interface OwnCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Reads both, relative to `folder`. Throws CONFIG, and SECRET_FILE for a key that others may read. */
export async function loadOwnCertificate(
  { cert, key }: z.output<typeof ownCertificateSchema>,
  folder: string,
): Promise<OwnCertificate> {
  const path = resolve(folder, cert);
  const certificate = await readFile(path).catch((cause: unknown) => {
    throw new VeilError("CONFIG", `cannot read ${path}${whyNotRead(cause)}`, { cause });
  });
  return { cert: certificate, key: await readSecretFile(resolve(folder, key)) };
}
