/** The tenant of the play: two devices, two topics, a consumer; all keys real, and made once for all plays. */
import { randomBytes } from "node:crypto";
import type { Client, ClientChange, Tenant } from "../../../bridge/directory/types.ts";
import type { RegistryEntry } from "../../../bridge/registry/types.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import type { Realm } from "../../../core/scheme/context.ts";
import { splitHalves } from "../../../core/scheme/owner.ts";
import { releaseRole } from "../../../core/scheme/proxy.ts";
import { kafkaTopicOf } from "../../../core/scheme/tag.ts";
import { decodeAnnouncement, kidOf } from "../../../core/wire/announcement.ts";
import { certPath } from "../../../core/wire/directory.ts";
import { signDocument } from "../../../core/wire/document.ts";
import type { ReleasedKey } from "../../../core/wire/http.ts";
import { generateSigningKey, importPublicKey, importSigningKey } from "../../../core/wire/keys.ts";
import { FIXTURE_MASTER } from "../../core/scheme/fixture-master.ts";
import { EPOCH, Fleet, type Member } from "../../support/fleet.ts";

export const TOPICS = ["play/north", "play/south"] as const;
export const DEVICES = ["probe-a", "probe-b"] as const;

const fleet = new Fleet("play");
const kms = generateSigningKey();
export const kmsPublicKey = importPublicKey(kms.publicKey);
export const realm: Realm = { tenant: "play", epoch: EPOCH };

const members: readonly Member[] = DEVICES.map((name) => enrol(name));
const reader = splitHalves({ master: FIXTURE_MASTER, random: randomBytes, consumer: true });
const { parameters } = fleet;
const releasing = releaseRole({ realm, parameters, halves: reader.proxy });
const consuming = clientRole({ realm, parameters, halves: reader.client });
const tokens = new Map<string, Buffer>();
const wraps = new Map<string, { ikm: Buffer; wrapped: Buffer }>();
const released = new Map<string, Buffer>();
const unwrapped = new Map<string, Buffer>();

export const tagOfTopic = new Map(TOPICS.map((topic) => [topic, fleet.tag(topic)]));

/** Where the records of a topic are. */
export function kafkaTopic(topic: string): string {
  return kafkaTopicOf(fleet.tag(topic));
}

function enrol(name: string): Member {
  const member = fleet.enrol(name, TOPICS, ["pub"]);
  const { publicKey, seed } = generateSigningKey();
  const path = certPath("play", name);
  const key = publicKey.toString("base64url");
  const body = { tenant: "play", client: name, serial: 1, signingKey: key, signs: false };
  const cert = signDocument("cert", path, body, importSigningKey(kms.seed));
  fleet.change(member.login, { cert, signingKey: importPublicKey(publicKey) });
  return { ...member, signingKey: importSigningKey(seed) };
}

export function member(device: number): Member {
  const found = members[device];
  if (!found) throw new Error("no such device");
  return found;
}

/** The `n`th data key of a device in a play, before derivation: the same ones in every play. */
export function wrap(device: number, n: number): { ikm: Buffer; wrapped: Buffer } {
  const made = once(wraps, `${device}/${n}`, () => member(device).role.wrap(randomBytes));
  return { ikm: Buffer.from(made.ikm), wrapped: made.wrapped };
}

export function token(device: number, topic: string): Buffer {
  return once(tokens, `${device}/${topic}`, () => member(device).role.token(topic));
}

/** The tag that a token stands for. */
export function tagOfToken(asked: Uint8Array): Buffer {
  const wanted = Buffer.from(asked);
  for (const device of DEVICES.keys())
    for (const topic of TOPICS) if (token(device, topic).equals(wanted)) return fleet.tag(topic);
  throw new Error("a token that nobody made");
}

/** What a bridge answers to the consumer of an announcement. */
export function release({ announcement, cert }: RegistryEntry): ReleasedKey {
  const decoded = decodeAnnouncement(announcement);
  const { wrapped } = decoded;
  const V = once(released, wrapped.toString("hex"), () => releasing.release(wrapped));
  return { kid: kidOf(decoded), ann: announcement, V, cert };
}

/** The consumer's mathematics. */
export const scheme = {
  unwrap: async (V: Buffer): Promise<Buffer> =>
    Buffer.from(once(unwrapped, V.toString("hex"), () => consuming.unwrap(V))),
};

/** The directory of one play, which tells its bridges alone. */
export class PlayDirectory {
  #serial = 0;
  readonly #listeners = new Set<(change: ClientChange) => void>();

  tenant(name: string): Tenant | null {
    return fleet.tenant(name);
  }

  client(login: Client["login"]): Client | null {
    return fleet.client(login);
  }

  get changes(): number {
    return fleet.changes;
  }

  allows(...question: Parameters<Fleet["allows"]>): boolean {
    return fleet.allows(...question);
  }

  onClientChange(listener: (change: ClientChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onTenant(): () => void {
    return () => undefined;
  }

  /** Somebody who could read everything is revoked: every producer must make a new key. */
  revokeReader(): void {
    const login = { tenant: "play", client: "reader" };
    const somebody = fleet.client(member(0).login);
    if (!somebody) throw new Error("nobody is enrolled");
    const before = { ...somebody, login, grants: fleet.grants(TOPICS, ["sub"]) };
    const serial = ++this.#serial;
    for (const listener of this.#listeners) listener({ login, serial, before, after: null });
  }
}

function once<T>(kept: Map<string, T>, id: string, make: () => T): T {
  const value = kept.get(id) ?? make();
  kept.set(id, value);
  return value;
}
