import { expect, it } from "vitest";
import { BridgeMetrics } from "../../bridge/metrics.ts";

it("tells what the bridge does, by tenant at most", async () => {
  const metrics = new BridgeMetrics();
  const writer = { queued: 3, queuedBytes: 700, inFlight: 1, failing: 0 };
  metrics.start({
    ...{ sessions: () => 42, writer, matching: { queued: 5 } },
    directoryAges: () => new Map([["acme", 1500]]),
  });
  metrics.refused("NO_GRANT", "acme");
  metrics.mqttRefused("will");
  metrics.recordAcknowledged("acme", 200);
  metrics.recordAcknowledged("acme", 100);
  metrics.matched("cached");
  metrics.partitionsChanged();
  metrics.exceeded("tenant.connections", "acme");
  metrics.acknowledged("rec", 12);
  metrics.acknowledged("rec", 70_000);
  writer.failing = 2;
  const { body, contentType } = await metrics.text();
  expect(contentType).toContain("text/plain");
  for (const line of [
    'veilmq_refusals_total{code="NO_GRANT",tenant="acme"} 1',
    'veilmq_mqtt_refusals_total{reason="will"} 1',
    'veilmq_records_total{tenant="acme"} 2',
    'veilmq_record_bytes_total{tenant="acme"} 300',
    'veilmq_matches_total{source="cached"} 1',
    "veilmq_partition_alarms_total 1",
    'veilmq_puback_seconds_bucket{le="0.01",kind="rec"} 0',
    'veilmq_puback_seconds_bucket{le="0.02",kind="rec"} 1',
    'veilmq_puback_seconds_bucket{le="60",kind="rec"} 1',
    'veilmq_puback_seconds_bucket{le="+Inf",kind="rec"} 2',
    'veilmq_puback_seconds_sum{kind="rec"} 70.012',
    'veilmq_puback_seconds_count{kind="rec"} 2',
    "veilmq_mqtt_sessions 42",
    "veilmq_writer_records 3",
    "veilmq_writer_bytes 700",
    "veilmq_writer_failing 2",
    "veilmq_matching_queued 5",
    'veilmq_directory_age_seconds{tenant="acme"} 1.5',
    'veilmq_limits_total{limit="tenant.connections",tenant="acme"} 1',
  ])
    expect(body).toContain(line);
});
