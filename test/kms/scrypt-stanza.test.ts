/** The library's own scrypt is the other side of each: what one seals, the other opens. */
import { Decrypter, Encrypter, Stanza } from "age-encryption";
import { expect, test } from "vitest";
import { ScryptIdentity, ScryptRecipient } from "../../kms/scrypt-stanza.ts";

const PASSPHRASE = "wortlos grüßt das Süßholz";
const WORK_FACTOR = 10;

async function seal(passphrase = PASSPHRASE): Promise<Uint8Array> {
  const age = new Encrypter();
  age.addRecipient(new ScryptRecipient(passphrase, WORK_FACTOR));
  return age.encrypt("sealed");
}

test("the library opens what it seals", async () => {
  const age = new Decrypter();
  age.addPassphrase(PASSPHRASE);
  expect(await age.decrypt(await seal(), "text")).toBe("sealed");
});

test("it opens what the library seals", async () => {
  const library = new Encrypter();
  library.setPassphrase(PASSPHRASE);
  library.setScryptWorkFactor(WORK_FACTOR);
  const age = new Decrypter();
  age.addIdentity(new ScryptIdentity(PASSPHRASE));
  expect(await age.decrypt(await library.encrypt("sealed"), "text")).toBe("sealed");
});

test("another passphrase opens nothing", async () => {
  const age = new Decrypter();
  age.addIdentity(new ScryptIdentity("another"));
  await expect(age.decrypt(await seal())).rejects.toThrow(/no identity/);
});

test("a file for somebody else is left to others", async () => {
  const stanzas = [new Stanza(["X25519", "x"], new Uint8Array(32))];
  expect(await new ScryptIdentity(PASSPHRASE).unwrapFileKey(stanzas)).toBeNull();
});

test.each<[what: string, change: (stanza: Stanza) => Stanza[]]>([
  ["another recipient beside it", (own) => [own, new Stanza(["X25519", "x"], own.body)]],
  ["no work factor", ({ args, body }) => [new Stanza(args.slice(0, 2), body)]],
  ["a fourth argument", ({ args, body }) => [new Stanza([...args, "1"], body)]],
  ["a work factor of zero", (own) => [withArgument(own, 2, "0")]],
  ["a work factor that takes a day", (own) => [withArgument(own, 2, "40")]],
  ["a salt that is too short", (own) => [withArgument(own, 1, "AAAA")]],
  ["a salt with padding", (own) => [withArgument(own, 1, `${own.args[1]}==`)]],
  ["a body that is too long", ({ args }) => [new Stanza(args, new Uint8Array(33))]],
])("%s is refused before anything is computed", async (_what, change) => {
  const [own] = await new ScryptRecipient(PASSPHRASE, 1).wrapFileKey(new Uint8Array(16));
  if (!own) throw new Error("no stanza was made");
  await expect(new ScryptIdentity(PASSPHRASE).unwrapFileKey(change(own))).rejects.toThrow(/scrypt/);
});

function withArgument({ args, body }: Stanza, at: number, value: string): Stanza {
  return new Stanza(args.with(at, value), body);
}
