/** Who may connect (PROTOCOL.md §5): default deny, in the same time whether a client exists or not. */
import { randomBytes } from "node:crypto";
import type { ErrorCode } from "../../core/errors.ts";
import type { MqttAdmission, MqttLogin } from "../../core/ports/mqtt/server-types.ts";
import { type Login, parseLogin, secretMatches } from "../../core/wire/login.ts";
import type { Directory } from "../directory/types.ts";

/** Compared with where there is no client: no secret has this hash. */
const NOBODY = randomBytes(32);

export type Identity =
  | { readonly login: Login; readonly admission: Extract<MqttAdmission, { accepted: true }> }
  | {
      readonly login: Login | null;
      readonly code: Extract<ErrorCode, "AUTH" | "REVOKED" | "LIMIT">;
      readonly admission: Extract<MqttAdmission, { accepted: false }>;
    };

/**
 * Client id = user name = `<clientId>@<tenant>`, password = the secret. That a client is revoked is told only to who
 * knows its secret: CONNACK 5, where everything else gets 4.
 */
export function authenticate(
  directory: Pick<Directory, "client">,
  { clientId, username, password = "", certificate }: MqttLogin,
): Identity {
  const login = username === clientId ? parseLogin(clientId) : null;
  const client = login && directory.client(login);
  const isSecret = secretMatches(password, client?.authHash ?? NOBODY);
  if (!login) return denied(null, "the client id and user name are no login");
  if (!client) return denied(login, "the client is not enrolled here");
  if (!isSecret) return denied(login, "the secret is wrong");
  if (certificate === "foreign") return denied(login, "the TLS certificate is not the client's");
  if (client.status === "active") return { login, admission: { accepted: true } };
  const admission = { accepted: false, answer: "notAuthorized", reason: "revoked" } as const;
  return { login, code: "REVOKED", admission };
}

function denied(login: Login | null, reason: string): Identity {
  return { login, code: "AUTH", admission: { accepted: false, answer: "badCredentials", reason } };
}
