import { expect, it } from "vitest";
import { BridgeMetrics } from "../../bridge/metrics.ts";

it("tells what the bridge does, by tenant at most", async () => {
  const metrics = new BridgeMetrics();
  const writer = { queued: 3, queuedBytes: 700, inFlight: 1, failing: 0 };
  metrics.start({
    ...{ writer, matching: { queued: 5 } },
    sessions: () =>
      new Map([
        ["acme", 42],
        ["other", 0],
      ]),
    directoryAges: () => new Map([["acme", 1500]]),
  });
  metrics.refused("NO_GRANT", "acme");
  metrics.mqttRefused("will");
  const counts = metrics.of("acme");
  counts.record(200);
  metrics.of("acme").record(100);
  metrics.matched("cached", "acme");
  metrics.partitionsChanged();
  metrics.exceeded("tenant.connections", "acme");
  counts.pubacks.rec.observe(12);
  counts.pubacks.rec.observe(70_000);
  metrics.of("other").pubacks.key.observe(1);
  writer.failing = 2;
  const { body, contentType } = await metrics.text();
  expect(contentType).toContain("text/plain");
  for (const line of [
    'veilmq_refusals_total{code="NO_GRANT",tenant="acme"} 1',
    'veilmq_mqtt_refusals_total{reason="will"} 1',
    'veilmq_records_total{tenant="acme"} 2',
    'veilmq_record_bytes_total{tenant="acme"} 300',
    'veilmq_matches_total{source="cached",tenant="acme"} 1',
    "veilmq_partition_alarms_total 1",
    'veilmq_puback_seconds_bucket{le="0.01",kind="rec",tenant="acme"} 0',
    'veilmq_puback_seconds_bucket{le="0.02",kind="rec",tenant="acme"} 1',
    'veilmq_puback_seconds_bucket{le="60",kind="rec",tenant="acme"} 1',
    'veilmq_puback_seconds_bucket{le="+Inf",kind="rec",tenant="acme"} 2',
    'veilmq_puback_seconds_sum{kind="rec",tenant="acme"} 70.012',
    'veilmq_puback_seconds_count{kind="rec",tenant="acme"} 2',
    'veilmq_puback_seconds_count{kind="key",tenant="other"} 1',
    'veilmq_mqtt_sessions{tenant="acme"} 42',
    'veilmq_mqtt_sessions{tenant="other"} 0',
    "veilmq_writer_records 3",
    "veilmq_writer_bytes 700",
    "veilmq_writer_failing 2",
    "veilmq_matching_queued 5",
    'veilmq_directory_age_seconds{tenant="acme"} 1.5',
    'veilmq_limits_total{limit="tenant.connections",tenant="acme"} 1',
  ])
    expect(body).toContain(line);
  expect(body).not.toContain('kind="reg"');
});
