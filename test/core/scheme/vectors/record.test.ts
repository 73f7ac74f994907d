import { generateKeyPairSync, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { clientRole } from "../../../../core/scheme/client.ts";
import { exportPublicKey, exportSigningKey } from "../../../../core/scheme/ed25519.ts";
import { splitHalves } from "../../../../core/scheme/owner.ts";
import { releaseRole } from "../../../../core/scheme/proxy.ts";
import { AEAD, type AeadId } from "../../../../core/scheme/record/header.ts";
import { deriveRecordKey } from "../../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../../core/scheme/record/seal.ts";
import { rsaPublicParameters } from "../../../../core/scheme/rsa/owner.ts";
import { SUITE } from "../../../../core/scheme/suite.ts";
import { checkVectors } from "../../../../core/scheme/vectors/check.ts";
import { FIXTURE_MASTER } from "../fixture-master.ts";
import { type Json, published, withWrongDigit } from "./files.ts";

const file = published("record");
const about = String(file["about"]);
const pass = { suite: "record", cases: 1 };
const badArgument = expect.objectContaining({ code: "BAD_ARGUMENT" });

function without(...names: string[]): Json {
  return Object.fromEntries(Object.entries(file).filter(([name]) => !names.includes(name)));
}

describe("the published record", () => {
  it("is what sealRecord makes", () => {
    const key = deriveRecordKey({
      suite: SUITE.rsa,
      aead: AEAD.aes256Gcm,
      realm: { tenant: "acme", epoch: 1 },
      topic: "topic-1",
      producerId: "dev-0001",
      ikm: Buffer.from(String(file["r"]), "hex"),
    });
    const plaintext = Buffer.from('{"t":21.5}');
    const record = sealRecord({
      key,
      seq: 0n,
      timeMs: 1_700_000_000_000,
      plaintext,
      padded: false,
    });
    expect(record.toString("hex")).toBe(file["record"]);
  });
});

describe("a record file", () => {
  it("may say its inputs in fields", () => {
    const inputs = { tenant: "acme", epoch: 1, topic: "topic-1", producerId: "dev-0001" };
    const header = { aead: "AES-256-GCM", flags: 0, seq: "0", ts_ms: 1_700_000_000_000 };
    const plaintext = Buffer.from('{"t":21.5}').toString("hex");
    expect(checkVectors({ ...without("about"), ...inputs })).toEqual(pass);
    expect(checkVectors({ ...without("about"), ...inputs, ...header, plaintext })).toEqual(pass);
    expect(checkVectors({ ...file, aead: 1 })).toEqual(pass);
    expect(checkVectors({ kind: "record", cases: [file] })).toEqual(pass);
  });

  it.each([
    ["d_j1", ["d_j1"]],
    ["d_j2", ["d_j2"]],
    ["r", ["r"]],
    ["r and V", ["r", "V"]],
    ["W and V", ["W", "V", "d_j1", "d_j2"]],
    ["all derived values", ["salt", "K", "iv", "commit", "hdr", "aad"]],
    ["the record", ["record"]],
  ])("may leave out %s", (_, names) => {
    expect(checkVectors(without(...names))).toEqual(pass);
  });

  it("says the first value that is wrong, wherever a digit is", { timeout: 30_000 }, () => {
    const hexFields = Object.keys(file).filter((name) => name !== "about" && name !== "kind");
    for (const name of hexFields)
      for (const at of [0, 1, 9, 40, String(file[name]).length - 1]) {
        const { difference } = checkVectors(withWrongDigit(file, [name], at));
        expect(difference?.got, `${name}[${at}]`).not.toBe(difference?.expected);
      }
  });

  it("finds a wrong digit of the record too where nothing else says its header or plaintext", {
    timeout: 30_000,
  }, () => {
    const bare = {
      ...without("about", "hdr", "aad"),
      tenant: "acme",
      topic: "topic-1",
      producer: "dev-0001",
    };
    for (let at = 0; at < String(file["record"]).length; at += 3) {
      const { difference } = checkVectors(withWrongDigit(bare, ["record"], at));
      expect(difference, `digit ${at}`).toBeDefined();
    }
  });

  it.each([
    ["tenant acme", "tenant acmf"],
    ["epoch 1", "epoch 2"],
    ["topic-1", "topic topic-2"],
    ["dev-0001", "dev-0002"],
    ["AES-256-GCM", "ChaCha20-Poly1305"],
    ["flags 0", "flags 1"],
    ["flags 0", "flags 2"],
    ["seq 0", "seq 1"],
    ["ts 1700000000000", "ts 1700000000001"],
    ["21.5", "21.6"],
  ])("finds that %j should be %j", (was, is) => {
    expect(checkVectors({ ...file, about: about.replace(was, is) }).difference).toBeDefined();
  });

  it.each([
    ["neither record nor header", without("record", "hdr")],
    ["an unknown algorithm", { ...file, aead: "ROT13" }],
    ["no topic", { ...file, about: "tenant acme, epoch 1, producer dev-0001" }],
    ["no r", without("r", "W", "V")],
  ])("is refused with %s", (_, json) => {
    expect(() => checkVectors(json)).toThrow(badArgument);
  });
});

describe("a record file under another modulus", () => {
  const master = FIXTURE_MASTER;
  const parameters = rsaPublicParameters(master, {});
  const realm = { tenant: "globex", epoch: 70_000 };
  const { client, proxy } = splitHalves({ master, random: randomBytes, consumer: true });
  const bound = { realm, topic: "Kühlraum/3", producerId: "dev-9" };
  const { ikm, wrapped } = clientRole({ realm, parameters, halves: client }).wrap(randomBytes);
  const released = releaseRole({ realm, parameters, halves: proxy }).release(wrapped);
  const plaintext = Buffer.from('[{"v":1}]');

  const pair = generateKeyPairSync("ed25519");
  const pk = exportPublicKey(pair.publicKey).toString("hex");

  function made(aead: AeadId, padded: boolean, signed: boolean): Json {
    const key = deriveRecordKey({ suite: SUITE.rsa, aead, ikm, ...bound });
    const signingKey = signed ? pair.privateKey : undefined;
    const record = sealRecord({ key, seq: 3n, timeMs: 5, plaintext, padded, signingKey });
    const { realm: _, ...inputs } = { ...bound, tenant: realm.tenant };
    const bytes = { r: ikm, W: wrapped, V: released, record, K: key.key, commit: key.commit };
    const halves = { d_j1: client.record, d_j2: proxy.record, kid: key.kid };
    const hex = Object.entries({ ...bytes, ...halves }).map(([name, value]) => [
      name,
      value?.toString("hex"),
    ]);
    return { kind: "record", ...inputs, ...Object.fromEntries(hex) };
  }

  const N = parameters.nRec.toString("hex");

  it.each([
    [AEAD.aes256Gcm, false, false],
    [AEAD.aes256Gcm, true, true],
    [AEAD.chacha20Poly1305, true, false],
    [AEAD.chacha20Poly1305, false, true],
  ])("agrees, with algorithm %i, padded %s, signed %s", (aead, padded, signed) => {
    const one = made(aead, padded, signed);
    const key = signed ? { pk } : {};
    expect(checkVectors({ ...one, ...key, N })).toEqual(pass);
    expect(checkVectors({ ...one, ...key }, { suite: "rsa", N })).toEqual(pass);
    const wrong = withWrongDigit({ ...one, N }, ["record"], 2 * (42 + 3));
    expect(checkVectors(wrong).difference?.where).toBe("record");
  });

  it("shows a wrong digit of the modulus, also one that makes it even", () => {
    const one = { ...made(AEAD.aes256Gcm, true, false), N };
    for (const at of [0, 100, N.length - 1])
      expect(checkVectors(withWrongDigit(one, ["N"], at)).difference).toBeDefined();
  });

  it("has its signature checked by the producer's key, or tells that it cannot be", () => {
    const one: Json = { ...made(AEAD.aes256Gcm, true, true), N };
    const unchecked = ["record: its signature, without the producer's public key, pk"];
    expect(checkVectors(one)).toEqual({ ...pass, unchecked });
    const sevens = { ...one, record: `${String(one["record"]).slice(0, -128)}${"07".repeat(64)}` };
    expect(checkVectors({ ...sevens, pk }).difference).toMatchObject({ got: "false" });
    const sk = exportSigningKey(pair.privateKey).toString("hex");
    expect(checkVectors({ ...one, sk, public_key: pk })).toEqual(pass);
    expect(checkVectors({ ...one, sk })).toEqual(pass);
    expect(checkVectors({ ...sevens, sk }).difference?.where).toBe("record");
    expect(checkVectors({ ...one, sk, pk: sk }).difference?.where).toBe("pk");
  });

  it("checks V by either half, and tells where it has none", () => {
    const one: Json = { ...made(AEAD.aes256Gcm, false, false), N };
    const { d_j1: _1, ...second } = one;
    const { d_j2: _2, ...first } = one;
    const { d_j1: _3, ...neither } = first;
    for (const file of [first, second]) {
      expect(checkVectors(file)).toEqual(pass);
      expect(checkVectors(withWrongDigit(file, ["V"], 99)).difference).toBeDefined();
    }
    expect(checkVectors(neither)).toEqual({ ...pass, unchecked: ["V"] });
  });

  it("tells of a half that nothing follows from", () => {
    const { V, ...one }: Json = { ...made(AEAD.aes256Gcm, false, false), N };
    const { d_j1: _1, ...second } = one;
    const { d_j2: _2, ...first } = one;
    expect(checkVectors(first).unchecked).toEqual(["d_j1: without V, or W and d_j2"]);
    expect(checkVectors(second).unchecked).toEqual(["d_j2: without V or d_j1"]);
    expect(checkVectors(one).unchecked).toBeUndefined();
  });

  it("checks the parts of a record where the file says them", () => {
    const one: Json = { ...made(AEAD.chacha20Poly1305, true, true), N, pk };
    const record = String(one["record"]);
    const said = {
      ciphertext: record.slice(84, -160),
      auth_tag: record.slice(-160, -128),
      signature: record.slice(-128),
    };
    expect(checkVectors({ ...one, ...said })).toEqual(pass);
    for (const name of Object.keys(said))
      expect(checkVectors(withWrongDigit({ ...one, ...said }, [name], 3)).difference?.where).toBe(
        name,
      );
    expect(checkVectors({ ...one, nonce: "00".repeat(12) }).difference?.where).toBe("nonce");
  });

  it("holds N and the halves against the factors, and e against 65537", () => {
    const [p, q] = [master.record.p, master.record.q].map((prime) => prime.toString("hex"));
    const one: Json = { ...made(AEAD.aes256Gcm, false, false), p, q, e: "10001" };
    expect(checkVectors(one)).toEqual(pass);
    const { d_j2: _, ...first } = one;
    expect(checkVectors(first)).toEqual(pass);
    expect(checkVectors({ ...one, N, public_exponent: "10001" })).toEqual(pass);
    expect(checkVectors({ ...one, e: 65_537 })).toEqual(pass);
    const { p: _1, q: _2, ...alone } = one;
    const companion = { suite: "rsa", p, q };
    expect(checkVectors(alone, companion)).toEqual(pass);
    expect(checkVectors(withWrongDigit(alone, ["d_j2"], 9), companion).difference?.where).toContain(
      "mod λ",
    );
    expect(checkVectors({ ...one, e: 65_539 }).difference?.where).toBe("e");
    for (const name of ["N", "p", "q", "d_j1", "d_j2"])
      expect(checkVectors(withWrongDigit({ ...one, N }, [name], 7)).difference, name).toBeDefined();
  });

  it.each([
    ["", "plaintext . Hexadecimal."],
    ["2150", "plaintext 2150. Hexadecimal."],
    ["Hexadecimal.", "plaintext Hexadecimal.. Hexadecimal."],
    ["ends with a stop.", "plaintext ends with a stop."],
    ["a, producer b, flags 1", "plaintext a, producer b, flags 1. Hexadecimal."],
  ])("may say the plaintext %j in its sentence", (text, says) => {
    const topic = "a, producer b, topic c";
    const key = deriveRecordKey({ suite: SUITE.rsa, aead: 1, ikm, ...bound, topic });
    const record = sealRecord({
      key,
      seq: 9n,
      timeMs: 7,
      plaintext: Buffer.from(text),
      padded: true,
    });
    const about = `A record: tenant globex, epoch 70000, ${topic}, producer dev-9, public exponent 65537, AES-256-GCM, flags 1, seq 9, ts 7, ${says}`;
    const file: Json = {
      kind: "record",
      about,
      N,
      r: ikm.toString("hex"),
      record: record.toString("hex"),
    };
    expect(checkVectors(file)).toEqual(pass);
    for (const [was, is] of [
      ["globex", "globey"],
      ["70000", "70001"],
      ["topic c", "topic d"],
      ["producer dev-9", "producer dev-8"],
      ["65537", "65539"],
      ["flags 1, seq", "flags 0, seq"],
      ["seq 9", "seq 8"],
      ["ts 7", "ts 6"],
      ["plaintext ", "plaintext x"],
    ] as const)
      expect(checkVectors({ ...file, about: about.replace(was, is) }).difference, is).toBeDefined();
    expect(() => checkVectors({ ...file, about: about.replace("seq 9", "seq nine") })).toThrow(
      badArgument,
    );
    for (const is of ["AES-128-GCM", "ROT13"])
      expect(() => checkVectors({ ...file, about: about.replace("AES-256-GCM", is) })).toThrow(
        badArgument,
      );
  });

  it("refuses a producer and a producerId that are not one", () => {
    const one = { ...made(AEAD.aes256Gcm, false, false), N };
    expect(checkVectors({ ...one, producer: "dev-9" })).toEqual(pass);
    expect(() => checkVectors({ ...one, producer: "dev-8" })).toThrow(badArgument);
  });

  it("refuses flags that there are not", () => {
    const one = { ...made(AEAD.aes256Gcm, false, false), N };
    expect(() => checkVectors({ ...one, flags: 4 })).toThrow(badArgument);
  });

  it("differs under the published modulus", () => {
    expect(checkVectors(made(AEAD.aes256Gcm, true, true)).difference?.where).toBe("W");
  });
});
