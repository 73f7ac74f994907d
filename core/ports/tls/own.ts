/** A client's own certificate, for a bridge that asks for one. */
import { resolve } from "node:path";
import { z } from "zod";
import { readGivenFile, readSecretFile } from "../../runtime/files.ts";

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
  const certificate = await readGivenFile(resolve(folder, cert), "CONFIG");
  return { cert: certificate, key: await readSecretFile(resolve(folder, key)) };
}
