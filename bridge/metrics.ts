/** What a bridge counts, for Prometheus. No client, topic or key is a label: the tenant is the finest. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { ErrorCode } from "../core/errors.ts";
import type { MqttRefusal } from "../core/ports/mqtt/server-types.ts";
import { addGauge } from "../core/runtime/metrics.ts";
import type { UpstreamKind } from "../core/wire/mqtt.ts";
import type { LimitName } from "./limits/quotas.ts";
import { PubackTimes } from "./puback-times.ts";

/** What is read at the moment Prometheus asks. */
export interface BridgeGauges {
  sessions(): number;
  writer: {
    readonly queued: number;
    readonly queuedBytes: number;
    readonly inFlight: number;
    readonly failing: number;
  };
  matching: { readonly queued: number };
  /** By tenant: how long ago ZooKeeper confirmed its documents, in milliseconds. */
  directoryAges(): ReadonlyMap<string, number>;
}

export class BridgeMetrics {
  readonly registry = new Registry();
  readonly #refusals = this.#counter("refusals", "Refusals by code.", ["code", "tenant"]);
  readonly #limits = this.#counter(
    "limits",
    "How often a limit made itself felt, by its place in bridge.yaml.",
    ["limit", "tenant"],
  );
  readonly #mqttRefusals = this.#counter("mqtt_refusals", "MQTT that is not taken, by reason.", [
    "reason",
  ]);
  readonly #mail = this.#counter("mail", "Mail that a device has acknowledged.", ["tenant"]);
  /** By tenant. Added up here: prom-client hashes labels at each call, and this is called for every record. */
  readonly #acknowledged = new Map<string, { records: number; bytes: number }>();
  readonly #matches = this.#counter("matches", "Tokens turned into tags, by source.", ["source"]);
  readonly #partitionAlarms = this.#counter(
    "partition_alarms",
    "Topics found with another number of partitions than their tenant's.",
    [],
  );
  readonly #pubacks = new PubackTimes();

  constructor() {
    this.#sum("records", "Records acknowledged to devices.", ({ records }) => records);
    this.#sum("record_bytes", "Bytes of records acknowledged.", ({ bytes }) => bytes);
  }

  /** Adds Node's own metrics, and the gauges of these parts. */
  start(gauges: BridgeGauges): void {
    collectDefaultMetrics({ register: this.registry });
    const { writer, matching } = gauges;
    this.#gauge("mqtt_sessions", "Authenticated MQTT sessions.", () => gauges.sessions());
    this.#gauge("writer_records", "Records not yet confirmed by Kafka.", () => writer.queued);
    this.#gauge("writer_bytes", "Their bytes.", () => writer.queuedBytes);
    this.#gauge("writer_requests", "Produce requests under way.", () => writer.inFlight);
    this.#gauge("writer_failing", "Partitions that do not take records.", () => writer.failing);
    this.#gauge("matching_queued", "Computations that wait.", () => matching.queued);
    addGauge(this.registry, {
      name: "veilmq_directory_age_seconds",
      help: "How long ago ZooKeeper confirmed a tenant's documents.",
      labelNames: ["tenant"],
      read: () =>
        [...gauges.directoryAges()].map(([tenant, ageMs]) => {
          return { labels: { tenant }, value: ageMs / 1000 };
        }),
    });
  }

  /** The Prometheus text. */
  async text(): Promise<{ contentType: string; body: string }> {
    const body = `${await this.registry.metrics()}\n${this.#pubacks.text()}`;
    return { contentType: this.registry.contentType, body };
  }

  refused(code: ErrorCode, tenant: string): void {
    this.#refusals.inc({ code, tenant });
  }

  exceeded(limit: LimitName, tenant: string): void {
    this.#limits.inc({ limit, tenant });
  }

  mqttRefused(reason: MqttRefusal): void {
    this.#mqttRefusals.inc({ reason });
  }

  recordAcknowledged(tenant: string, bytes: number): void {
    let sum = this.#acknowledged.get(tenant);
    if (!sum) {
      sum = { records: 0, bytes: 0 };
      this.#acknowledged.set(tenant, sum);
    }
    sum.records += 1;
    sum.bytes += bytes;
  }

  mailDelivered(tenant: string): void {
    this.#mail.inc({ tenant });
  }

  matched(source: "computed" | "cached"): void {
    this.#matches.inc({ source });
  }

  partitionsChanged(): void {
    this.#partitionAlarms.inc();
  }

  acknowledged(kind: UpstreamKind, elapsedMs: number): void {
    this.#pubacks.observe(kind, elapsedMs);
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({
      name: `veilmq_${name}_total`,
      help,
      labelNames,
      registers: [this.registry],
    });
  }

  /** A counter of what is added up already. */
  #sum(name: string, help: string, of: (sum: { records: number; bytes: number }) => number): void {
    const sums = this.#acknowledged;
    new Counter({
      name: `veilmq_${name}_total`,
      help,
      labelNames: ["tenant"],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [tenant, sum] of sums) this.inc({ tenant }, of(sum));
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name: `veilmq_${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
