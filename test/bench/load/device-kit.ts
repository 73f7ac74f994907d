/** A device as a publisher sees it: its greeting to a bridge, and the key of its records. */
import { randomBytes } from "node:crypto";
import { clientRole } from "../../../core/scheme/client.ts";
import {
  AEAD,
  AUTH_TAG_BYTES,
  RECORD_HEADER_BYTES,
  SEQ_AT,
} from "../../../core/scheme/record/header.ts";
import { deriveRecordKey, type RecordKey } from "../../../core/scheme/record/key.ts";
import { sealRecord } from "../../../core/scheme/record/seal.ts";
import { SUITE } from "../../../core/scheme/suite.ts";
import { encodeAnnouncement } from "../../../core/wire/announcement.ts";
import { newestEpoch } from "../../../core/wire/credential.ts";
import { importSigningKey } from "../../../core/wire/keys.ts";
import { formatLogin } from "../../../core/wire/login.ts";
import { encodeRegistration, formatUpstream } from "../../../core/wire/mqtt.ts";
import type { TestDevice } from "../../support/tenant.ts";
import type { Publish, PublisherOptions } from "./publisher.ts";

const ALIAS = 1;

/** A device of suite `p256` on its way to its one topic. */
export interface DeviceKit {
  readonly login: string;
  readonly password: string;
  readonly greeting: readonly Publish[];
  readonly key: RecordKey;
}

/** Draws a data key for `topic`, and makes what a bridge has to hear before records. */
export function deviceKit({ credential }: TestDevice, topic: string): DeviceKit {
  const { tenant, client, secret } = credential;
  const { epoch, parameters, halves } = newestEpoch(credential);
  const realm = { tenant, epoch };
  const role = clientRole({ realm, parameters, halves });
  const { ikm, wrapped } = role.wrap(randomBytes);
  const suite = SUITE.p256;
  const key = deriveRecordKey({
    suite,
    aead: AEAD.aes256Gcm,
    realm,
    topic,
    producerId: client,
    ikm,
  });
  const announcement = encodeAnnouncement(
    { suite, epoch, producerId: client, createdAtMs: Date.now(), wrapped, commit: key.commit },
    importSigningKey(credential.signingKey),
  );
  return {
    login: formatLogin({ tenant, client }),
    password: secret.toString("base64url"),
    greeting: [
      {
        topic: formatUpstream({ kind: "reg", alias: ALIAS }),
        payload: encodeRegistration({ epoch, token: role.token(topic) }),
      },
      { topic: formatUpstream({ kind: "key", alias: ALIAS }), payload: announcement },
    ],
    key,
  };
}

/**
 * Publishes records of `size` bytes to a bridge. They are sealed once and numbered as they leave: sealing costs the
 * device, and no bridge can tell.
 */
export function recordPublisher(
  { login, password, greeting, key }: DeviceKit,
  { port, size }: { port: number; size: number },
): PublisherOptions {
  const plaintext = Buffer.alloc(size - RECORD_HEADER_BYTES - AUTH_TAG_BYTES, " ");
  const payload = sealRecord({ key, seq: 0n, timeMs: Date.now(), plaintext, padded: false });
  const topic = formatUpstream({ kind: "rec", alias: ALIAS });
  return { port, login, password, greeting, awaitsOk: true, topic, payload, seqAt: SEQ_AT };
}
