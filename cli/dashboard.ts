/** Runs the dashboard for `veilmq dashboard`. */

import { randomBytes } from "node:crypto";
import { loadAccess } from "../agent/consumer/config.ts";
import { CredentialStore } from "../agent/credential-store.ts";
import { Dashboard } from "../agent/dashboard/dashboard.ts";
import { Limits, loadRules } from "../agent/dashboard/limits.ts";
import { Login } from "../agent/dashboard/login.ts";
import { VeilError } from "../core/errors.ts";
import { isLoopback } from "../core/ports/http/loopback.ts";
import {
  fileExists,
  readGivenFile,
  readSecretFile,
  replaceSecretFile,
} from "../core/runtime/files.ts";
import { aborted, leave, shutdownSignal } from "../core/runtime/lifecycle.ts";
import { createLog } from "../core/runtime/log.ts";
import { topicName } from "../core/wire/fields.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printHint, printNote, reportError } from "./messages.ts";

export interface DashboardFlags {
  readonly credential: string;
  readonly config?: string;
  readonly host: string;
  readonly port: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly allowPlaintext?: true;
  readonly tokenFile?: string;
  readonly history: number;
  readonly staleAfter: number;
  readonly limits?: string;
  readonly zookeeper?: string;
  readonly verbose?: true;
}

const TOKEN_BYTES = 32;
const MIN_TOKEN_CHARACTERS = 20;

/** Until a signal; what the process should end with. */
export async function runDashboard(
  names: readonly string[],
  flags: DashboardFlags,
): Promise<ExitCode> {
  const signal = shutdownSignal();
  const { host, port, history: historyMs, staleAfter: staleMs, zookeeper = null } = flags;
  const tls = await tlsOf(flags);
  const isOpen = isLoopback(host) || host === "::1";
  if (!isOpen && !tls && !flags.allowPlaintext)
    throw new VeilError("CONFIG", "off this machine the dashboard serves HTTPS only", {
      hint: "give --tls-cert and --tls-key, or --allow-plaintext on a network that you trust",
    });
  const credentialStore = new CredentialStore({ path: flags.credential, stateDir: null });
  const credential = await credentialStore.load();
  const granted = credential.topics.filter(({ ops }) => ops.includes("sub"));
  const asked = names.length > 0 ? names.map(topicName) : granted.map(({ name }) => name);
  const log = createLog("dashboard", flags.verbose ? "info" : "warn");
  const dashboard = new Dashboard({
    access: flags.config === undefined ? {} : await loadAccess(flags.config),
    ...{ credential, credentialStore, host, port, tls, historyMs, zookeeper },
    topics: [...new Set(asked)].sort(),
    login: isOpen && flags.tokenFile === undefined ? null : await loginOf(flags.tokenFile),
    limits: new Limits({ rules: flags.limits ? await loadRules(flags.limits) : [], staleMs }),
    log,
  });
  await dashboard.start();
  printNote(`the dashboard is at ${dashboard.url}`);
  try {
    await dashboard.run(signal);
    return EXIT.OK;
  } catch (error) {
    const code = reportError(error);
    printHint("the page goes on showing what was read, until Ctrl-C");
    await aborted(signal);
    return code;
  } finally {
    await dashboard.stop();
    leave(log);
  }
}

async function tlsOf({
  tlsCert,
  tlsKey,
}: DashboardFlags): Promise<{ cert: Buffer; key: Buffer } | null> {
  if (tlsCert === undefined || tlsKey === undefined) return null;
  return { cert: await readGivenFile(tlsCert), key: await readSecretFile(tlsKey) };
}

/** The token is printed only where it was made just now. */
async function loginOf(file: string | undefined): Promise<Login> {
  if (file !== undefined && (await fileExists(file))) {
    const token = (await readSecretFile(file)).toString("utf8").trim();
    if (token.length < MIN_TOKEN_CHARACTERS)
      throw new VeilError("CONFIG", `the token in ${file} is shorter than it must be`, {
        hint: `at least ${MIN_TOKEN_CHARACTERS} characters; remove the file to have one made`,
      });
    return new Login(token);
  }
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  if (file !== undefined) await replaceSecretFile(file, `${token}\n`);
  printNote(`the token to log in with: ${token}`);
  return new Login(token);
}
