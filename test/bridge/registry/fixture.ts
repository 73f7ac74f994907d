/** Announcements for tests of the registry: signed by somebody, of a W that nobody made. */
import { randomBytes } from "node:crypto";
import type { RegistryEntry, RegistryKey } from "../../../bridge/registry/types.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import { generateSigningKey, importSigningKey } from "../../../core/wire/keys.ts";

export interface Announced {
  readonly key: RegistryKey;
  readonly entry: RegistryEntry;
}

export function announced(options: {
  readonly tenant: string;
  readonly producerId: string;
  readonly tag?: Buffer;
  readonly kid?: Buffer;
}): Announced {
  const { tenant, producerId, tag = randomBytes(32), kid = randomBytes(16) } = options;
  const announcement = encodeAnnouncement(
    {
      suite: 1,
      epoch: 1,
      producerId,
      createdAtMs: 1_700_000_000_000,
      wrapped: randomBytes(256),
      commit: Buffer.concat([kid, randomBytes(16)]),
    },
    importSigningKey(generateSigningKey().seed),
  );
  const entry = { producerId, announcement, cert: randomBytes(300) };
  return { key: { tenant, tag, kid, producerId }, entry };
}
