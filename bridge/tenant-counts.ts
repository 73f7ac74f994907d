/**
 * What is counted of one tenant for every message. A session keeps its tenant's: no label is looked up for a message, where
 * prom-client would make objects and hash labels.
 */
import type { UpstreamKind } from "../core/wire/mqtt.ts";
import { PubackTimes } from "./puback-times.ts";

export class TenantCounts {
  records = 0;
  /** Of the records. */
  bytes = 0;
  readonly pubacks: Readonly<Record<UpstreamKind, PubackTimes>> = {
    reg: new PubackTimes(),
    key: new PubackTimes(),
    rec: new PubackTimes(),
  };

  /** A record was acknowledged to a device. */
  record(bytes: number): void {
    this.records += 1;
    this.bytes += bytes;
  }
}
