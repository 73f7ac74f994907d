/** PROTOCOL.md §5: the identity of a client at the bridge, `<clientId>@<tenant>`, on MQTT and HTTP alike. */
import { timingSafeEqual } from "node:crypto";
import { sha256 } from "../scheme/bytes.ts";
import { nameField } from "./fields.ts";

export interface Login {
  readonly tenant: string;
  readonly client: string;
}

export const SECRET_BYTES = 32;

export function formatLogin(login: Login): string {
  return `${login.client}@${login.tenant}`;
}

/** `null` if `text` is not a login. */
export function parseLogin(text: string): Login | null {
  const parts = text.split("@");
  const client = nameField.safeParse(parts[0]);
  const tenant = nameField.safeParse(parts[1]);
  if (parts.length !== 2 || !client.success || !tenant.success) return null;
  return { client: client.data, tenant: tenant.data };
}

/** `authHash = SHA-256(secret)`. The password on the wire is the b64url of the 32-byte secret. */
export function secretMatches(password: string, authHash: Uint8Array): boolean {
  const secret = Buffer.from(password, "base64url");
  const wellFormed = secret.length === SECRET_BYTES && secret.toString("base64url") === password;
  return timingSafeEqual(sha256(secret), authHash) && wellFormed;
}
