/** What agent.yaml names and lies outside of it: the credential, and the device profiles. */
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { fileExists } from "../../core/runtime/files.ts";
import type { Credential } from "../../core/wire/credential.ts";
import { CredentialStore } from "../credential-store.ts";
import { loadProfile, type Profile } from "./profile/profile.ts";

/** What the file refers to, loaded; or why it could not be. */
export interface Named {
  readonly credential: Credential | VeilError;
  readonly credentialStore: CredentialStore | VeilError;
  readonly profiles: ReadonlyMap<string, Profile | VeilError>;
  readonly allowsPlaintext: boolean;
  /** The file's own bridges count, not the credential's. */
  readonly namesBridges: boolean;
}

const anything = z.unknown().optional();
export const namesSchema = z.looseObject({
  credential: anything,
  stateDir: anything,
  allowPlaintext: anything,
  bridge: z.looseObject({ urls: anything }).catch({}),
  ports: z.array(z.looseObject({ profile: anything }).catch({})).catch([]),
});

/** Loads each that the file at `path` names; a problem of one is none of the others. */
export async function loadNamed(names: z.output<typeof namesSchema>, path: string): Promise<Named> {
  const folder = dirname(resolve(path));
  const profiles = new Map<string, Profile | VeilError>();
  for (const { profile } of names.ports)
    if (typeof profile === "string" && !profiles.has(profile))
      profiles.set(profile, await orProblem(loadProfile(profileFile(profile, folder))));
  const credentialStore = await credentialStoreOf(names, path);
  return {
    credential:
      credentialStore instanceof VeilError
        ? credentialStore
        : await orProblem(credentialStore.load()),
    credentialStore,
    profiles,
    allowsPlaintext: names.allowPlaintext === true,
    namesBridges: names.bridge.urls !== undefined,
  };
}

/** A profile's name stays; a path is taken from where the file is. */
function profileFile(profile: string, folder: string): string {
  return profile.includes("/") ? resolve(folder, profile) : profile;
}

/**
 * What the file at `path` names; else what systemd hands to the service; else `agent.cred` beside agent.yaml, from where
 * systemd has it: for commands by hand.
 */
export function credentialFileOf(credential: unknown, path: string): string {
  if (typeof credential === "string") return resolve(dirname(resolve(path)), credential);
  const systemd = process.env["CREDENTIALS_DIRECTORY"];
  if (systemd !== undefined) return join(systemd, "credential");
  return `${resolve(path).replace(/\.ya?ml$/, "")}.cred`;
}

async function credentialStoreOf(
  { credential, stateDir = process.env["STATE_DIRECTORY"] }: z.output<typeof namesSchema>,
  path: string,
): Promise<CredentialStore | VeilError> {
  const file = credentialFileOf(credential, path);
  if (credential === undefined && !(await fileExists(file)))
    return new VeilError("CONFIG", "is missing: the file that `veilmq kms enrol` made");
  // A stateDir that is none is told of at its own field.
  const state = typeof stateDir === "string" ? stateDir : "";
  return new CredentialStore({ path: file, stateDir: resolve(dirname(resolve(path)), state) });
}

/** A VeilError as a value. */
export async function orProblem<T>(loading: Promise<T>): Promise<T | VeilError> {
  return loading.catch((error: unknown) => {
    if (isVeilError(error)) return error;
    throw error;
  });
}
