/** What lies on the disks of devices and consumers. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseCheckpoint } from "../../../agent/consumer/checkpoint.ts";
import { encodeBatch, scanSegment, segmentHeader } from "../../../agent/device/outbox/codec.ts";
import { decodeFooter, encodeFooter } from "../../../agent/device/outbox/footer.ts";
import { recover } from "../../../agent/device/outbox/recovery.ts";
import { segmentPath } from "../../../agent/device/outbox/segment.ts";
import { jsonDecoder, jsonDecoding } from "../../../agent/device/profile/json.ts";
import { decoderOf, framerOf, profileSchema } from "../../../agent/device/profile/profile.ts";
import { bridgeConfigSchema } from "../../../bridge/config.ts";
import { parseConfig } from "../../../core/runtime/config.ts";
import { json } from "../fixtures.ts";
import type { Target } from "../target.ts";

const reading = json({ temperature: 21.5, humidity: 40, door: false, sensors: [{ rh: 3 }] });
const lines = Buffer.concat([reading.subarray(0, 50), Buffer.from("\r\nxyz\n\n"), reading]);
const decodeAll = jsonDecoder({ type: "json", fields: "all" });
const decodeListed = jsonDecoder(
  jsonDecoding.parse({
    type: "json",
    fields: [
      { path: "temperature", name: "t", unit: "Cel" },
      { path: "sensors.0.rh", name: "h" },
      { path: "constructor.name", name: "c" },
    ],
  }),
);

/** YAML takes a millisecond for each KiB, and its files are short and its owner's own: no more than a page of it. */
function yamlOf(input: Buffer): string {
  return input.subarray(0, 4096).toString("utf8");
}

const profile = `description: One JSON object a line
serial: { baudRate: 115200, parity: none }
framing: { type: lines, maxBytes: 4096 }
decoding:
  type: json
  fields:
    - &a { path: temperature, name: temperature, unit: Cel }
    - *a
    - { path: sensors.0.rh, name: humidity, unit: "%RH" }
`;

const bridgeConfig = `mqtt: { host: 127.0.0.1, port: 1883 }
kafka: { listener: INSIDE }
zookeeper: { servers: ["zk-1:2181", "zk-2:2181"] }
stateDir: state
identityFile: identity
tenants: [{ name: acme, kmsPublicKey: ${Buffer.alloc(32, 1).toString("base64url")} }]
`;

const STREAM = "ab".repeat(16);
const OTHER = "cd".repeat(16);

/** A segment with two streams, the second entry of the first done. */
function segment(first: number): Buffer {
  const entries = [0, 1, 2, 3].map((i) => ({
    kind: i === 0 ? ("announcement" as const) : ("record" as const),
    stream: i === 2 ? OTHER : STREAM,
    sequence: first + i,
    payload: Buffer.alloc(20 + 40 * i, i),
  }));
  const marks = [{ stream: STREAM, acknowledged: first + 1 }];
  return Buffer.concat([segmentHeader(), encodeBatch(entries, marks)]);
}

/** What `segment(1)` holds. */
const footer =
  encodeFooter({
    bornMs: 5,
    stamp: { ageMs: 60_000, wallMs: 1_763_800_000_000, isSet: true },
    rows: [
      { stream: STREAM, acknowledged: 2, last: 4, count: 3 },
      { stream: OTHER, acknowledged: 0, last: 3, count: 1 },
    ],
  }) ?? Buffer.alloc(0);

/** Opens an outbox whose first, last or only segment is `input`; a second opening must find it whole. */
async function recoverFrom(input: Buffer): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "fuzz-outbox-"));
  try {
    const at = input.length % 3;
    if (at !== 0) await writeFile(segmentPath(folder, 1), at === 1 ? input : segment(1));
    if (at !== 1) await writeFile(segmentPath(folder, 5), input);
    if (at === 1) await writeFile(segmentPath(folder, 5), segment(5));
    const found = await recover(folder);
    const again = await recover(folder);
    // As the last segment; in the middle it may become the last one only by the first opening.
    if (at !== 1 && again.tornBytes > 0) throw new Error("a second opening found a torn end again");
    if (again.ledger.depth !== found.ledger.depth) throw new Error("a second opening found others");
    if ((await readdir(folder)).length > 2) throw new Error("recovery left files behind");
  } finally {
    await rm(folder, { recursive: true });
  }
}

const marks = { ab12: { kid: "cd", seq: "7", closed: ["ef"] } };
const checkpoint = json({
  veilmq: "checkpoint",
  version: 1,
  group: "g",
  outputBytes: 120,
  partitions: { "veil-a/0": { offset: "42", marks }, "veil-b/1": { offset: "0", marks: {} } },
});

export const placeTargets: readonly Target[] = [
  {
    name: "json-reading",
    samples: [reading],
    run: (input) => {
      decodeAll(input);
      decodeListed(input);
    },
  },
  {
    name: "device-profile",
    samples: [Buffer.from(profile)],
    run: (input) => {
      const read = parseConfig(yamlOf(input), profileSchema, "profile.yaml");
      for (const { bytes } of framerOf(read).push(lines)) decoderOf(read)(bytes);
    },
    share: 0.1,
  },
  {
    name: "bridge-config",
    samples: [Buffer.from(bridgeConfig)],
    run: (input) => parseConfig(yamlOf(input), bridgeConfigSchema, "bridge.yaml"),
    share: 0.1,
  },
  { name: "outbox-segment", samples: [segment(1)], run: (input) => scanSegment(input) },
  { name: "outbox-footer", samples: [footer], run: (input) => decodeFooter(input) },
  {
    name: "outbox-recovery",
    samples: [segment(1), segment(5), Buffer.concat([segment(1), footer])],
    run: recoverFrom,
    share: 0.05,
  },
  {
    name: "checkpoint",
    samples: [checkpoint],
    run: (input) =>
      parseCheckpoint(input.toString("utf8"), { path: "checkpoint.json", group: "g" }),
  },
];
