import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { Mailbox } from "../../agent/consumer/mailbox.ts";
import { CredentialStore } from "../../agent/credential-store.ts";
import { OwnCredential } from "../../agent/own-credential.ts";
import { VeilError } from "../../core/errors.ts";
import { replaceSecretFile } from "../../core/runtime/files.ts";
import { type Credential, decodeCredential, encodeCredential } from "../../core/wire/credential.ts";
import { fieldTenant } from "../support/field-tenant.ts";
import { testFolder } from "../support/folder.ts";
import { keyChange } from "../support/key-change.ts";

async function makeOwn() {
  const tenant = fieldTenant();
  const change = await keyChange(tenant, tenant.enrol("probe", { topics: ["t"], urls: [] }));
  const folder = await testFolder();
  const path = join(folder, "credential");
  const { credential } = change.device;
  await replaceSecretFile(path, encodeCredential(credential));
  const store = new CredentialStore({ path, stateDir: folder });
  const lines: string[] = [];
  const swapped: { serial: number }[] = [];
  let disk = Promise.resolve(true);
  const make = (own: Credential) =>
    new OwnCredential({
      credential: own,
      store: {
        load: () => store.load(),
        save: async (next) => {
          if (!(await disk)) throw new VeilError("DISK", "the disk of the test");
          await store.save(next);
        },
      },
      log: pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }),
      onSwap: ({ serial }) => swapped.push({ serial }),
    });
  const fill = (isFull: boolean): void => {
    disk = Promise.resolve(!isFull);
  };
  return { change, credential, path, store, make, fill, lines, swapped };
}

describe("a client's own credential", () => {
  test("is what mail makes of it: on disk, in use, once", async () => {
    const { change, credential, path, make, swapped } = await makeOwn();
    const own = make(credential);
    const mail = await (await change.next()).mail();
    expect(await own.receive(mail)).toBe(true);
    expect(own.current.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(decodeCredential(await readFile(path))).toEqual(own.current);
    // Its acknowledgement was lost: it comes again.
    expect(await own.receive(mail)).toBe(true);
    expect(swapped).toHaveLength(1);
  });

  test("stays as it is while the disk refuses, and the mail is not done with", async () => {
    const { change, credential, make, fill, swapped } = await makeOwn();
    const own = make(credential);
    const mail = await (await change.next()).mail();
    fill(true);
    expect(await own.receive(mail)).toBe(false);
    expect(own.current).toBe(credential);
    fill(false);
    expect(await own.receive(mail)).toBe(true);
    expect(swapped).toHaveLength(1);
  });

  test("mail that came in the wrong order: the newest counts, each is done with", async () => {
    const { change, credential, make, lines } = await makeOwn();
    const own = make(credential);
    const mails = [await (await change.next()).mail(), await (await change.next()).mail()];
    const done = await Promise.all(mails.reverse().map((mail) => own.receive(mail)));
    expect(done).toEqual([true, true]);
    expect(own.current.epochs).toHaveLength(3);
    expect(lines.filter((line) => line.includes("mail was refused"))).toHaveLength(1);
  });

  test("follows what another process of the client has stored, and nothing else", async () => {
    const { change, credential, store, make } = await makeOwn();
    const [own, other] = [make(credential), make(credential)];
    await other.receive(await (await change.next()).mail());
    await own.reload();
    expect(own.current).toEqual(other.current);
    // Enrolled again meanwhile: another secret, and halves that do not fit what is running.
    const again = { ...other.current, serial: 99, secret: Buffer.alloc(32, 9) };
    await store.save(again);
    await own.reload();
    expect(own.current.serial).toBe(other.current.serial);
  });
});

describe("a consumer's mailbox", () => {
  test("keeps at the bridge what could not be stored, and takes the rest away", async () => {
    const { change, credential, make, fill, lines } = await makeOwn();
    const own = make(credential);
    const waiting = [await (await change.next()).mail(), await (await change.next()).mail()];
    const deleted: number[] = [];
    let isAway = false;
    const mailbox = new Mailbox({
      bridge: {
        mail: async () => {
          if (isAway) throw new VeilError("UNAVAILABLE", "the bridge of the test");
          return waiting.filter(({ number }) => !deleted.includes(number));
        },
        deleteMail: async (number) => void deleted.push(number),
      },
      credential: own,
      everyMs: 60_000,
      log: pino({ level: "trace" }, { write: (line: string) => void lines.push(line) }),
    });
    isAway = true;
    await mailbox.check();
    isAway = false;
    fill(true);
    await mailbox.check();
    expect(deleted).toEqual([]);
    fill(false);
    await mailbox.check();
    expect(deleted).toEqual(waiting.map(({ number }) => number));
    expect(own.current.epochs).toHaveLength(3);
  });
});
