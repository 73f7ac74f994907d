/** What a bridge counts, for Prometheus. No client, topic or key is a label: the tenant is the finest. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { ErrorCode } from "../core/errors.ts";
import type { MqttRefusal } from "../core/ports/mqtt/server-types.ts";
import { addGauge } from "../core/runtime/metrics.ts";
import { UPSTREAM_KINDS } from "../core/wire/mqtt.ts";
import type { LimitName } from "./limits/quotas.ts";
import { pubackText } from "./puback-times.ts";
import { TenantCounts } from "./tenant-counts.ts";

const MS_PER_S = 1000;

/** What is read at the moment Prometheus asks. */
export interface BridgeGauges {
  /** Of each tenant that is served. */
  sessions(): ReadonlyMap<string, number>;
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
  readonly #tenants = new Map<string, TenantCounts>();
  readonly #matches = this.#counter("matches", "Tokens turned into tags, by source.", [
    "source",
    "tenant",
  ]);
  readonly #partitionAlarms = this.#counter(
    "partition_alarms",
    "Topics found with another number of partitions than their tenant's.",
    [],
  );

  constructor() {
    this.#sum("records", "Records acknowledged to devices.", ({ records }) => records);
    this.#sum("record_bytes", "Bytes of records acknowledged.", ({ bytes }) => bytes);
  }

  /** Adds Node's own metrics, and the gauges of these parts. */
  start(gauges: BridgeGauges): void {
    collectDefaultMetrics({ register: this.registry });
    const { writer, matching } = gauges;
    this.#byTenant("mqtt_sessions", "Authenticated MQTT sessions.", () => gauges.sessions());
    this.#gauge("writer_records", "Records not yet confirmed by Kafka.", () => writer.queued);
    this.#gauge("writer_bytes", "Their bytes.", () => writer.queuedBytes);
    this.#gauge("writer_requests", "Produce requests under way.", () => writer.inFlight);
    this.#gauge("writer_failing", "Partitions that do not take records.", () => writer.failing);
    this.#gauge("matching_queued", "Computations that wait.", () => matching.queued);
    this.#byTenant(
      "directory_age_seconds",
      "How long ago ZooKeeper confirmed a tenant's documents.",
      () => gauges.directoryAges(),
      MS_PER_S,
    );
  }

  /** The Prometheus text. */
  async text(): Promise<{ contentType: string; body: string }> {
    const pubacks = [...this.#tenants].flatMap(([tenant, counts]) =>
      UPSTREAM_KINDS.flatMap((kind) =>
        counts.pubacks[kind].lines(`kind="${kind}",tenant="${tenant}"`),
      ),
    );
    const body = `${await this.registry.metrics()}\n${pubackText(pubacks)}`;
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

  /** Of a tenant that is served: to be kept by who counts for every message. */
  of(tenant: string): TenantCounts {
    const counts = this.#tenants.get(tenant) ?? new TenantCounts();
    this.#tenants.set(tenant, counts);
    return counts;
  }

  mailDelivered(tenant: string): void {
    this.#mail.inc({ tenant });
  }

  matched(source: "computed" | "cached", tenant: string): void {
    this.#matches.inc({ source, tenant });
  }

  partitionsChanged(): void {
    this.#partitionAlarms.inc();
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
  #sum(name: string, help: string, of: (counts: TenantCounts) => number): void {
    const tenants = this.#tenants;
    new Counter({
      name: `veilmq_${name}_total`,
      help,
      labelNames: ["tenant"],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [tenant, counts] of tenants) this.inc({ tenant }, of(counts));
      },
    });
  }

  #byTenant(
    name: string,
    help: string,
    read: () => ReadonlyMap<string, number>,
    divisor = 1,
  ): void {
    addGauge(this.registry, {
      name: `veilmq_${name}`,
      help,
      labelNames: ["tenant"],
      read: () =>
        [...read()].map(([tenant, value]) => ({ labels: { tenant }, value: value / divisor })),
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
