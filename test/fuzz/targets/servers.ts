/** What Kafka, ZooKeeper and strangers at the MQTT port send. */
import { createRequire } from "node:module";
import { endpointOf } from "../../../bridge/brokers/registration.ts";
import { fetchProtocol } from "../../../core/ports/kafka/fetch-protocol.ts";
import { decodeRecordBatches } from "../../../core/ports/kafka/record-batch.ts";
import { PacketGuard } from "../../../core/ports/mqtt/server-guard.ts";
import { i2osp, join } from "../../../core/scheme/bytes.ts";
import { json, piecesOf } from "../fixtures.ts";
import type { Samples } from "../mutate.ts";
import type { Target } from "../target.ts";

const load = createRequire(import.meta.url);
const { RecordBatch } = load("kafkajs/src/protocol/recordBatch/v0");
const encodeRecord = load("kafkajs/src/protocol/recordBatch/record/v0");

/** Two batches of kafkajs's own making, which a real broker accepts. */
async function batches(): Promise<Samples> {
  const encoded: Buffer[] = [];
  for (const firstOffset of [0, 40]) {
    const records = [0, 1, 5].map((offsetDelta) =>
      encodeRecord({
        key: offsetDelta === 1 ? null : Buffer.alloc(8, offsetDelta),
        value: offsetDelta === 5 ? null : Buffer.alloc(90, offsetDelta),
        headers: { h: "1" },
        offsetDelta,
        timestampDelta: 3,
      }),
    );
    const times = { firstTimestamp: 1_700_000_000_000, maxTimestamp: 1_700_000_000_009 };
    const { buffer } = await RecordBatch({ firstOffset, lastOffsetDelta: 5, records, ...times });
    encoded.push(Buffer.from(buffer));
  }
  const both = Buffer.concat(encoded);
  return [both, ...encoded];
}

/** A fetch response, version 11, of two partitions with records. */
async function fetchResponses(): Promise<Samples> {
  const [records] = await batches();
  const partition = (index: number): Buffer =>
    join(
      i2osp(index, 4),
      i2osp(0, 2),
      i2osp(46, 8),
      i2osp(46, 8),
      i2osp(0, 8),
      i2osp(1, 4), // one aborted transaction: producer, first offset
      i2osp(9, 8),
      i2osp(0, 8),
      Buffer.alloc(4, 0xff),
      i2osp(records.length, 4),
      records,
    );
  const topic = "veil-a";
  const head = join(i2osp(0, 4), i2osp(0, 2), i2osp(0, 4), i2osp(1, 4), i2osp(topic.length, 2));
  return [join(head, topic, i2osp(2, 4), partition(0), partition(1))];
}

const fetching = fetchProtocol({
  from: [],
  maxWaitMs: 1,
  maxBytes: 1,
  maxPartitionBytes: 1,
  timeoutMs: 1,
});

const limits = { maxConnectBytes: 4096, maxPublishBytes: 66 * 1024, maxControlBytes: 256 };
const connect = Buffer.from("101000044d5154540402003c000464657631", "hex");
const publish = join(Buffer.of(0x32, 0x90, 0x01), Buffer.alloc(144, 7));
const pings = Buffer.of(0xc0, 0, 0xc0, 0, 0xe0, 0);

/** However the bytes are cut, the guard's word must be the same. */
function guard(input: Buffer): void {
  const whole = new PacketGuard(limits);
  const cut = new PacketGuard(limits);
  if (input.length % 2 === 0) {
    whole.open();
    cut.open();
  }
  const problem = whole.inspect(input);
  const same = piecesOf(input).reduce<string | undefined>(
    (found, piece) => found ?? cut.inspect(piece),
    undefined,
  );
  if (problem !== same) throw new Error(`${same} in pieces, ${problem} as a whole`);
}

export const serverTargets: readonly Target[] = [
  {
    name: "kafka-batches",
    samples: batches,
    run: (input) => decodeRecordBatches(input, 2n),
    share: 4,
  },
  {
    name: "kafka-fetch",
    samples: fetchResponses,
    run: (input) => fetching.response.decode(input),
  },
  {
    name: "broker-registration",
    samples: [
      json({
        listener_security_protocol_map: { CLIENTS: "SASL_SSL", INSIDE: "PLAINTEXT" },
        endpoints: ["CLIENTS://broker-1:9093", "INSIDE://[::1]:9092"],
        host: null,
        port: -1,
        version: 5,
      }),
    ],
    run: (input) => {
      endpointOf(input, { securityProtocol: "SASL_SSL" });
      endpointOf(input, { securityProtocol: "PLAINTEXT", listener: "INSIDE" });
    },
  },
  {
    name: "mqtt-guard",
    samples: [Buffer.concat([connect, publish, pings]), connect, publish],
    run: guard,
  },
];
