/** Basic authentication (RFC 7617) with a client's identity (PROTOCOL.md §5, §6). */
import { VeilError } from "../../core/errors.ts";
import { type Login, parseLogin, secretMatches } from "../../core/wire/login.ts";
import type { Client, Directory } from "../directory/types.ts";

const BASIC = /^Basic ([A-Za-z0-9+/]+={0,2})$/i;
/** `<clientId>@<tenant>` and the b64url of 32 bytes, with room. */
const MAX_HEADER_CHARACTERS = 512;
/** So that a client that does not exist costs the same as a wrong secret. No secret has this digest. */
const NOBODY = Buffer.alloc(32);

/** The client that the header names and proves. Throws AUTH (unknown, or a wrong secret), REVOKED. */
export function authenticate(
  header: string | undefined,
  directory: Pick<Directory, "client">,
): Client {
  const given = parseBasic(header);
  const client = given.login && directory.client(given.login);
  const proven = secretMatches(given.password, client?.authHash ?? NOBODY);
  if (!client || !proven) throw new VeilError("AUTH", "unknown client or wrong secret");
  if (client.status === "revoked") throw new VeilError("REVOKED", "this client is revoked");
  return client;
}

function parseBasic(header: string | undefined): { login: Login | null; password: string } {
  const match = header && header.length <= MAX_HEADER_CHARACTERS ? BASIC.exec(header) : null;
  const text = Buffer.from(match?.[1] ?? "", "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return { login: null, password: "" };
  return { login: parseLogin(text.slice(0, colon)), password: text.slice(colon + 1) };
}
