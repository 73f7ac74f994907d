/** What a device and a bridge say to each other over MQTT, and a consumer and a bridge over HTTP. */
import { answerFailure } from "../../../core/ports/http/failure.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import {
  decodeAnnouncement,
  encodeAnnouncement,
  kidOf,
  verifyAnnouncement,
} from "../../../core/wire/announcement.ts";
import { parseDocumentPath } from "../../../core/wire/directory.ts";
import { parseJson } from "../../../core/wire/fields.ts";
import {
  brokersResponseSchema,
  importResponseSchema,
  keysRequestSchema,
  keysResponseSchema,
  matchRequestSchema,
  matchResponseSchema,
  statusResponseSchema,
} from "../../../core/wire/http.ts";
import { parseLogin, secretMatches } from "../../../core/wire/login.ts";
import {
  decodeAck,
  decodeRegistration,
  encodeAck,
  encodeRegistration,
  parseUpstream,
} from "../../../core/wire/mqtt.ts";
import {
  bytes,
  CLIENT,
  HALVES,
  json,
  PARAMETERS,
  PUBLIC_KEY,
  REALM,
  RECORD_KEY,
  SIGNING_KEY,
} from "../fixtures.ts";
import type { Target } from "../target.ts";

const role = clientRole({ realm: REALM, parameters: PARAMETERS, halves: HALVES.client });
const { wrapped } = role.wrap(bytes);
const token = role.token("field/north");

const announcement = encodeAnnouncement(
  {
    suite: 1,
    epoch: 1,
    producerId: CLIENT,
    createdAtMs: 1_700_000_000_000,
    wrapped,
    commit: RECORD_KEY.commit,
  },
  SIGNING_KEY,
);
const kid = RECORD_KEY.kid.toString("base64url");
const topicName = `veil-${"a".repeat(52)}`;
const hop = { state: "up", ageMs: 12 };

export const messageTargets: readonly Target[] = [
  {
    name: "announcement",
    samples: [announcement],
    run: (input) => {
      kidOf(decodeAnnouncement(input));
      verifyAnnouncement(input, PUBLIC_KEY);
    },
  },
  {
    name: "registration",
    samples: [encodeRegistration({ epoch: 1, token })],
    run: (input) => decodeRegistration(input),
  },
  {
    name: "ack",
    samples: [
      encodeAck({ alias: 1, status: "ok" }),
      encodeAck({ alias: 65_535, status: "rekey" }),
      encodeAck({ alias: 3, status: "refused", code: "NO_GRANT", message: "no" }),
      encodeAck({ alias: 3, kid, seq: "17", status: "refused", code: "TOO_LARGE", message: "no" }),
    ],
    run: (input) => decodeAck(input),
  },
  {
    name: "upstream-topic",
    samples: [Buffer.from("v1/reg/1"), Buffer.from("v1/key/65535"), Buffer.from("v1/rec/17")],
    run: (input) => parseUpstream(input.toString("utf8")),
  },
  {
    name: "login",
    samples: [Buffer.from(`${CLIENT}@acme`), Buffer.from(RECORD_KEY.key.toString("base64url"))],
    run: (input) => {
      const text = input.toString("utf8");
      parseLogin(text);
      secretMatches(text, RECORD_KEY.commit);
    },
  },
  {
    name: "directory-path",
    samples: [
      Buffer.from("/veilmq/acme/head"),
      Buffer.from("/veilmq/acme/clients/device-1"),
      Buffer.from("/veilmq/acme/clients/device-1/g12"),
      Buffer.from("/veilmq/acme/clients/device-1/cert"),
      Buffer.from("/veilmq/acme/mail/device-1/7"),
    ],
    run: (input) => parseDocumentPath(input.toString("utf8")),
  },
  {
    name: "http-match-request",
    samples: [json({ epoch: 1, trapdoor: token.toString("base64url") })],
    run: (input) => parseJson(input, matchRequestSchema),
  },
  {
    name: "http-keys-request",
    samples: [json({ topic_name: topicName, kids: [kid, kid] })],
    run: (input) => parseJson(input, keysRequestSchema),
  },
  {
    name: "http-match-answer",
    samples: [
      json({
        topic_name: topicName,
        brokerAddress: "broker-1:9092",
        partitions: [
          { partition: 0, leader: "broker-1:9092" },
          { partition: 1, leader: null },
        ],
        epoch: 1,
      }),
    ],
    run: (input) => parseJson(input, matchResponseSchema, "BAD_DOCUMENT"),
  },
  {
    name: "http-keys-answer",
    samples: [
      json({
        keys: [{ kid, ann: announcement.toString("base64url"), V: kid, cert: kid }],
        missing: [kid],
      }),
    ],
    run: (input) => parseJson(input, keysResponseSchema, "BAD_DOCUMENT"),
  },
  {
    name: "http-small-answers",
    samples: [
      json({ brokers: ["broker-1:9092"] }),
      json({ accepted: 3, unchanged: 1 }),
      json({ bridge: hop, kafka: hop, zookeeper: hop, directory: { state: "down", ageMs: null } }),
    ],
    run: (input) => {
      const text = input.toString("utf8");
      if (text.includes("brokers")) return parseJson(text, brokersResponseSchema, "BAD_DOCUMENT");
      if (text.includes("accepted")) return parseJson(text, importResponseSchema, "BAD_DOCUMENT");
      return parseJson(text, statusResponseSchema, "BAD_DOCUMENT");
    },
  },
  {
    name: "http-failure",
    samples: [json({ code: "NO_GRANT", message: "no" }), Buffer.from("<html>502</html>")],
    run: (input) => answerFailure(502, input.toString("utf8")),
  },
];
