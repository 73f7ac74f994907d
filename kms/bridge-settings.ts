/** `state/head`: what the owner said of the bridge at init. The head document and new credentials are made from it. */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { credentialSchema } from "../core/wire/credential.ts";
import { headSchema } from "../core/wire/directory.ts";
import type { Tenant } from "./tenant.ts";

const FILE = "head";

const bridgeSettingsSchema = z.strictObject({
  /** age X25519 recipients that K_b is sealed to. */
  recipients: z.array(z.string()).min(1),
  kafka: headSchema.shape.kafka,
  addresses: z.strictObject({
    ...credentialSchema.shape.bridge.shape,
    ca: credentialSchema.shape.ca,
  }),
});
export type BridgeSettings = z.output<typeof bridgeSettingsSchema>;
/** Where clients find the bridge, and the PEM of the only authority they trust there. */
export type BridgeAddresses = BridgeSettings["addresses"];

/** Throws BAD_ARGUMENT naming what is wrong. */
export function checkAddresses(addresses: BridgeAddresses): void {
  const result = bridgeSettingsSchema.shape.addresses.safeParse(addresses);
  const field = result.error?.issues[0]?.path[0];
  if (field !== undefined)
    throw new VeilError("BAD_ARGUMENT", `the ${String(field)} address of the bridge is wrong`, {
      hint: "mqtts://host:port and https://host:port, without a path",
    });
  const { mqtt, http, ca } = addresses;
  const isOverTls = [...mqtt, ...http].some((url) => /^(?:mqtts|https):/.test(url));
  if (isOverTls && ca === undefined)
    throw new VeilError("BAD_ARGUMENT", "an address over TLS needs the CA behind it", {
      hint: "--ca FILE: clients trust that one alone",
    });
  if (ca !== undefined) checkCertificate(ca);
}

function checkCertificate(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch (cause) {
    throw new VeilError("BAD_ARGUMENT", "the CA is not a certificate in PEM", { cause });
  }
}

export async function writeBridgeSettings(
  state: Tenant["state"],
  settings: BridgeSettings,
): Promise<void> {
  await state.replace(FILE, settings);
}

/** Throws BAD_DOCUMENT where the file is missing or was changed. */
export async function readBridgeSettings(state: Tenant["state"]): Promise<BridgeSettings> {
  const settings = await state.read(FILE, bridgeSettingsSchema);
  if (!settings) throw new VeilError("BAD_DOCUMENT", "the tenant's state/head is missing");
  return settings;
}
