/** A certificate for localhost and 127.0.0.1 under a CA made for tests: its key is public, so it protects nothing. */
import { readFile } from "node:fs/promises";

const FOLDER = "test/support/certificate";

export const CA_FILE = `${FOLDER}/ca.pem`;

export async function testCertificate(): Promise<{ ca: string; cert: string; key: string }> {
  const [ca, cert, key] = await Promise.all(
    [CA_FILE, `${FOLDER}/server.pem`, `${FOLDER}/server.key`].map((path) => readFile(path, "utf8")),
  );
  if (!ca || !cert || !key) throw new Error("the test certificate is incomplete");
  return { ca, cert, key };
}
