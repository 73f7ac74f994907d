/** What the uplink tests share: a device's outbox and uplink against a bridge in memory, with short waits. */
import { randomBytes } from "node:crypto";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { Outbox } from "../../../../agent/device/outbox/outbox.ts";
import { Sealer } from "../../../../agent/device/sealing/sealer.ts";
import { KeptAnnouncements } from "../../../../agent/device/uplink/kept-announcements.ts";
import { Lanes } from "../../../../agent/device/uplink/lanes.ts";
import { DEFAULT_TIMINGS, type Timings } from "../../../../agent/device/uplink/timings.ts";
import { Uplink } from "../../../../agent/device/uplink/uplink.ts";
import { clientRole } from "../../../../core/scheme/client.ts";
import { AEAD } from "../../../../core/scheme/record/header.ts";
import { SUITE } from "../../../../core/scheme/suite.ts";
import { newestEpoch } from "../../../../core/wire/credential.ts";
import { importSigningKey } from "../../../../core/wire/keys.ts";
import { FieldBridge } from "../../../support/field-bridge.ts";
import { type FieldDevice, fieldTenant } from "../../../support/field-tenant.ts";
import { testFolder } from "../../../support/folder.ts";
import { openOutbox } from "../outbox/fixture.ts";

const SHORT: Timings = {
  ...DEFAULT_TIMINGS,
  reconnectMinMs: 5,
  reconnectMaxMs: 20,
  refusedMinMs: 50,
  refusedMaxMs: 50,
  answerMs: 200,
  parkMs: 300,
  shortParkMs: 100,
  drainMs: 1000,
};

export interface Rig {
  readonly bridge: FieldBridge;
  readonly device: FieldDevice;
  readonly outbox: Outbox;
  readonly uplink: Uplink;
  readonly log: readonly string[];
  /** Whether the uplink has said that the device is revoked. */
  readonly revoked: () => boolean;
  /** Seals and stores readings of a topic. */
  take(topic: string, ...texts: string[]): Promise<void>;
}

export interface RigOptions {
  readonly topics?: readonly string[];
  /** Topics that are configured; the others' streams are only in the outbox. */
  readonly configured?: readonly string[];
  readonly timings?: Partial<Timings>;
  readonly urls?: (port: number) => string[];
  readonly secret?: Buffer;
}

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { topics = ["north/climate"] } = options;
  const tenant = fieldTenant();
  const device = tenant.enrol("probe-1", { topics, urls: ["mqtt://127.0.0.1:1"] });
  const bridge = new FieldBridge({ tenant, device });
  await bridge.start(0);
  onTestFinished(() => bridge.stop());
  const outbox = await openOutbox(await testFolder());
  const credential = { ...device.credential, secret: options.secret ?? device.credential.secret };
  const role = clientRole({ realm: tenant.realm, ...newestEpoch(credential) });
  const sealers = new Map(
    topics.map((topic) => [
      topic,
      new Sealer({
        suite: SUITE.rsa,
        realm: tenant.realm,
        topic,
        producerId: credential.client,
        signingKey: importSigningKey(credential.signingKey),
        signs: false,
        aead: () => AEAD.aes256Gcm,
        padded: true,
        scheme: { wrap: async () => role.wrap(randomBytes) },
      }),
    ]),
  );
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(line) });
  const timings = { ...SHORT, ...options.timings };
  const lanes = new Lanes({
    credential,
    configured: (options.configured ?? topics).map((topic, i) => ({
      topic,
      ports: [`port ${i}`],
    })),
    outbox,
    scheme: { token: async (_epoch, topic) => role.token(topic) },
    timings,
    log,
  });
  let revoked = false;
  const uplink = new Uplink({
    credential,
    urls: options.urls?.(bridge.port) ?? [`mqtt://127.0.0.1:${bridge.port}`],
    keepaliveS: 30,
    outbox,
    lanes,
    announcements: new KeptAnnouncements({ path: null, log }),
    timings,
    log,
    onRekey: (stream) => {
      for (const sealer of sealers.values()) if (sealer.stream === stream) sealer.rekey();
    },
    onRevoked: (now) => {
      revoked = now;
    },
    onMail: async () => false,
  });
  onTestFinished(() => uplink.stop());
  return {
    bridge,
    device,
    outbox,
    uplink,
    log: lines,
    revoked: () => revoked,
    take: async (topic, ...texts) => {
      const sealer = sealers.get(topic);
      if (!sealer) throw new Error("a topic that the device does not have");
      const entries = [];
      for (const text of texts) {
        if (sealer.needsKey) entries.push(await sealer.renew());
        const plaintext = Buffer.from(text);
        entries.push(sealer.seal({ plaintext, takenAtMs: Date.now() }));
      }
      await outbox.append(entries);
    },
  };
}

/** `count` distinct readings. */
export function readings(count: number, name = "r"): string[] {
  return Array.from({ length: count }, (_, i) => `${name}-${i}`);
}
