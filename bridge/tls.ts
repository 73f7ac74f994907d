/** The certificates of a bridge's listeners, read at the start and again on SIGHUP. */
import { createSecureContext, type TlsOptions } from "node:tls";
import { VeilError } from "../core/errors.ts";
import { readGivenFile } from "../core/runtime/files.ts";
import type { ListenerConfig } from "./config/listener.ts";

/** What a TLS server is made with; PEM. */
export interface ListenerTls
  extends Pick<TlsOptions, "minVersion" | "requestCert" | "rejectUnauthorized"> {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** The authority of the clients' certificates, where they must show one. */
  readonly ca?: Buffer;
}

/** `undefined` for a listener without TLS. Throws CONFIG where a file cannot be read, or key and certificate do not fit. */
export async function readListenerTls({ tls }: ListenerConfig): Promise<ListenerTls | undefined> {
  if (!tls) return undefined;
  const { clientCa } = tls;
  const [cert, key, ca] = await Promise.all([
    readGivenFile(tls.cert, "CONFIG"),
    readGivenFile(tls.key, "CONFIG"),
    clientCa === undefined ? undefined : readGivenFile(clientCa, "CONFIG"),
  ]);
  const made = {
    minVersion: "TLSv1.2",
    ...{ cert, key },
    ...(ca && { ca, requestCert: true, rejectUnauthorized: true }),
  } as const;
  try {
    createSecureContext(made);
  } catch (cause) {
    throw new VeilError("CONFIG", `the certificate ${tls.cert} and its key do not fit`, { cause });
  }
  return made;
}
