import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CredentialStore } from "../../agent/credential-store.ts";
import { replaceFile, replaceSecretFile } from "../../core/runtime/files.ts";
import { type Credential, encodeCredential } from "../../core/wire/credential.ts";
import { testFolder } from "../support/folder.ts";
import { makeTenant } from "../support/tenant.ts";

const { credential } = makeTenant().enrol("probe", { topics: ["t"], urls: [] });
const newer: Credential = { ...credential, serial: 7 };

afterEach(() => vi.unstubAllEnvs());

async function makeStore(): Promise<{ store: CredentialStore; path: string; stateDir: string }> {
  const folder = await testFolder();
  const path = join(folder, "probe.cred.json");
  const stateDir = join(folder, "state");
  await mkdir(stateDir);
  await replaceSecretFile(path, encodeCredential(credential));
  return { store: new CredentialStore({ path, stateDir }), path, stateDir };
}

describe("a credential on disk", () => {
  test("is replaced where it lies, readable by its owner alone", async () => {
    const { store, path } = await makeStore();
    expect(await store.load()).toEqual(credential);
    await store.save(newer);
    expect(await readFile(path, "utf8")).toBe(encodeCredential(newer));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await store.load()).toEqual(newer);
  });

  test("under systemd goes into the state folder, where the higher serial counts at the next start", async () => {
    const { path, stateDir } = await makeStore();
    const mounted = join(path, "..", "credentials");
    await mkdir(mounted);
    const given = join(mounted, "credential");
    await replaceFile(given, encodeCredential(credential));
    await chmod(given, 0o440);
    vi.stubEnv("CREDENTIALS_DIRECTORY", mounted);
    const store = new CredentialStore({ path: given, stateDir });
    expect(await store.load()).toEqual(credential);
    await store.save(newer);
    expect(await readFile(given, "utf8")).toBe(encodeCredential(credential));
    expect((await stat(join(stateDir, "credential.json"))).mode & 0o777).toBe(0o600);
    expect(await store.load()).toEqual(newer);
    // Enrolled again: what the owner gave since is newer.
    await chmod(given, 0o640);
    await replaceFile(given, encodeCredential({ ...credential, serial: 8 }), 0o440);
    expect((await store.load()).serial).toBe(8);
  });

  test("kept for another client, or another owner's tenant of that name, does not count", async () => {
    const { store, stateDir } = await makeStore();
    for (const other of [
      { ...newer, client: "other" },
      { ...newer, kmsPublicKey: Buffer.alloc(32, 1) },
    ]) {
      await replaceSecretFile(join(stateDir, "credential.json"), encodeCredential(other));
      expect(await store.load()).toEqual(credential);
    }
  });

  test("that can be written nowhere is told of, and nothing has changed", async () => {
    const { path } = await makeStore();
    vi.stubEnv("CREDENTIALS_DIRECTORY", join(path, ".."));
    const store = new CredentialStore({ path, stateDir: null });
    await expect(store.save(newer)).rejects.toMatchObject({ code: "DISK" });
    expect(await store.load()).toEqual(credential);
  });
});
