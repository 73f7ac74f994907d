/** An address that a bridge listens on: with a certificate, on loopback, or in plaintext asked for by name. */
import { z } from "zod";
import { isLoopback } from "../../core/ports/http/loopback.ts";

const DEFAULT_HOST = "127.0.0.1";

const tlsSchema = z.strictObject({
  /** Paths of PEM files: the certificate with its chain, and its key. Both are read again on SIGHUP. */
  cert: z.string().min(1),
  key: z.string().min(1),
  /** PEM of an authority: clients must show a certificate of it, made out to their login. */
  clientCa: z.string().min(1).optional(),
});

export function listenerSchema(defaultPort: number) {
  return z
    .strictObject({
      host: z.string().min(1).default(DEFAULT_HOST),
      /** 0 takes a free one; `<stateDir>/listening.json` tells which. */
      port: z.int().min(0).max(65_535).default(defaultPort),
      tls: tlsSchema.optional(),
      insecurePlaintext: z.boolean().default(false),
    })
    .superRefine(({ host, tls, insecurePlaintext }, context) => {
      if (tls || insecurePlaintext || host === "::1" || isLoopback(host)) return;
      const message =
        "is not loopback: give the listener tls {cert, key}, or say insecurePlaintext: true";
      context.addIssue({ code: "custom", path: ["host"], message });
    });
}
export type ListenerConfig = z.output<ReturnType<typeof listenerSchema>>;

/** The listener with the paths of its files made absolute. */
export function placeListener(
  { tls, ...rest }: ListenerConfig,
  absolute: (path: string) => string,
): ListenerConfig {
  if (!tls) return rest;
  const { cert, key, clientCa } = tls;
  const placed = {
    cert: absolute(cert),
    key: absolute(key),
    ...(clientCa !== undefined && { clientCa: absolute(clientCa) }),
  };
  return { ...rest, tls: placed };
}
