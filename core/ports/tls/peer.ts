/** Whose certificate the other end of a TLS connection showed. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Whether the peer's certificate is made out to `login`, `<clientId>@<tenant>`: as an e-mail address among its
 * alternative names (a common name ends at 64 characters), or as its common name. `none`: it showed none, since it
 * was not asked to; that the certificate is of the right authority, TLS has made sure of.
 */
export function peerCertificate(socket: Socket, login: string): "none" | "own" | "foreign" {
  if (!(socket instanceof TLSSocket)) return "none";
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return "none";
  if (certificate.checkEmail(login, { subject: "never" }) !== undefined) return "own";
  return socket.getPeerCertificate().subject.CN === login ? "own" : "foreign";
}
