import { describe, expect, test } from "vitest";
import { limitsSchema } from "../../../bridge/config/limits.ts";
import { FailedLogins } from "../../../bridge/limits/failed-logins.ts";
import { LimitBook } from "../../../bridge/limits/limit-book.ts";
import { type Exceeded, Quotas } from "../../../bridge/limits/quotas.ts";
import { BridgeMetrics } from "../../../bridge/metrics.ts";
import { testLimits } from "../../support/limits.ts";

const acme = { tenant: "acme", client: "sensor-1" };

describe("rates", () => {
  function atTime() {
    const clock = { ms: 0 };
    const exceeded: Exceeded[] = [];
    const limits = limitsSchema.parse({
      client: { messagesPerSecond: 100 },
      tenant: { messagesPerSecond: 150 },
    });
    const tenants = [{ name: "other", kmsPublicKey: Buffer.alloc(32), limits: undefined }];
    const quotas = new Quotas({
      limits: new LimitBook({ limits, tenants }),
      onExceeded: (what) => exceeded.push(what),
      nowMs: () => clock.ms,
    });
    return { clock, exceeded, quotas };
  }

  test("let two seconds' worth through at once, then say how long to wait", () => {
    const { clock, quotas } = atTime();
    const quota = quotas.of(acme);
    expect(quota.charge("messages", 200)).toBe(0);
    expect(quota.charge("messages", 50)).toBe(500);
    clock.ms = 500;
    expect(quota.charge("messages", 0)).toBe(0);
  });

  test("a client that connects anew finds its debt; another of its tenant has only the tenant's", () => {
    const { quotas, exceeded } = atTime();
    quotas.of(acme).charge("messages", 250);
    expect(quotas.of(acme).charge("messages", 0)).toBe(500);
    exceeded.length = 0;
    // The tenant's 300 are not used up by the first one's 250.
    expect(quotas.of({ ...acme, client: "sensor-2" }).charge("messages", 50)).toBe(0);
    expect(quotas.of({ ...acme, client: "sensor-2" }).charge("messages", 15)).toBe(100);
    expect(exceeded).toEqual([{ limit: "tenant.messagesPerSecond", tenant: "acme" }]);
    // And nothing of it is another tenant's.
    expect(quotas.of({ tenant: "other", client: "sensor-1" }).charge("messages", 200)).toBe(0);
  });

  test("a read is charged its bytes and its packets, and waits as long as the later of both says", () => {
    const { clock, exceeded, quotas } = atTime();
    const { bytesPerSecond } = limitsSchema.parse({}).client;
    const quota = quotas.of(acme);
    expect(quota.chargeRead(2 * bytesPerSecond, 200)).toBe(0);
    expect(exceeded).toEqual([]);
    expect(quota.chargeRead(bytesPerSecond, 50)).toBe(1000);
    expect(exceeded).toEqual([
      { limit: "client.bytesPerSecond", ...acme },
      { limit: "client.messagesPerSecond", ...acme },
    ]);
    clock.ms = 1000;
    expect(quota.chargeRead(0, 100)).toBe(500);
    // Both ways are charged to the same.
    expect(quota.charge("messages", 50)).toBe(1000);
  });

  test("a tenant's topics are counted once each, and its own entry may allow more", () => {
    const limits = limitsSchema.parse({ tenant: { topics: 2 } });
    const kmsPublicKey = Buffer.alloc(32);
    const tenants = [{ name: "big", kmsPublicKey, limits: { topics: 3 } }];
    const quotas = new Quotas({
      limits: new LimitBook({ limits, tenants }),
      onExceeded: () => undefined,
    });
    const ended = new Set<number>();
    const use =
      (tenant: string, count: number, epoch = 1) =>
      () => {
        const login = { tenant, client: "a" };
        for (let n = 0; n < count; n++)
          quotas.useTopic(login, { topic: `veil-${epoch}-${n}`, epoch }, (of) => ended.has(of));
      };
    expect(use("acme", 2)).not.toThrow();
    expect(use("acme", 2)).not.toThrow();
    expect(use("acme", 3)).toThrow(expect.objectContaining({ code: "LIMIT" }));
    expect(use("big", 3)).not.toThrow();
    // The names of an epoch that has ended make room for those of the next.
    expect(use("acme", 1, 2)).toThrow(expect.objectContaining({ code: "LIMIT" }));
    ended.add(1);
    expect(use("acme", 2, 2)).not.toThrow();
    expect(use("acme", 3, 2)).toThrow(expect.objectContaining({ code: "LIMIT" }));
  });
});

test("wrong logins turn an address away until it rests, and no other", () => {
  const clock = { ms: 0 };
  const blocked: string[] = [];
  const logins = new FailedLogins({
    perMinute: () => 6,
    onBlocked: (address) => blocked.push(address),
    nowMs: () => clock.ms,
  });
  for (let n = 0; n < 6; n++) {
    expect(logins.admits("10.0.0.1")).toBe(true);
    logins.failed("10.0.0.1");
  }
  expect(logins.admits("10.0.0.1")).toBe(false);
  expect(logins.admits("10.0.0.2")).toBe(true);
  expect(blocked).toEqual(["10.0.0.1"]);
  clock.ms = 10_000;
  expect(logins.admits("10.0.0.1")).toBe(true);
});

test("a limit is counted each time, and said once a minute with what to do", async () => {
  const metrics = new BridgeMetrics();
  const lines: string[] = [];
  const { pino } = await import("pino");
  const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
  const limits = testLimits({ tenant: { connections: 1 } }, { metrics, log });
  expect(limits.hasRoom("acme")).toBe(true);
  limits.connected("acme");
  for (let n = 0; n < 3; n++) expect(limits.hasRoom("acme")).toBe(false);
  limits.disconnected("acme");
  expect(limits.hasRoom("acme")).toBe(true);
  const { body } = await metrics.text();
  expect(body).toContain('veilmq_limits_total{limit="tenant.connections",tenant="acme"} 3');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({
      event: "limited",
      limit: "tenant.connections",
      tenant: "acme",
      hint: expect.stringContaining("raise the limit"),
    }),
  ]);
});
