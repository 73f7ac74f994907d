/**
 * What one client, one tenant, one address and the bridge as a whole may take. A rate that is exceeded slows its
 * client down: the bridge reads that connection later, and nothing is lost. A number that is exceeded is refused.
 */
import { z } from "zod";

const MIB = 2 ** 20;

const rateField = (defaultPerSecond: number) =>
  z.int().min(1).max(10_000_000).default(defaultPerSecond);

/** Of one client on this bridge. */
const clientLimitsSchema = z.strictObject({
  /** MQTT packets of any kind. After a rest, twice as many at once; so with every rate here that does not say otherwise. */
  messagesPerSecond: z.int().min(20).max(10_000_000).default(1_000),
  /** Everything that it sends, MQTT's own bytes included. */
  bytesPerSecond: z
    .int()
    .min(16 * 1024)
    .default(2 * MIB),
  /** Twenty at once; so with announcements. */
  registrationsPerSecond: rateField(50),
  announcementsPerSecond: rateField(20),
  /** Beyond it the client is told to come later. */
  connectsPerMinute: z.int().min(10).max(1_000_000).default(120),
  /** Aliases of one connection. */
  topics: z.int().min(1).max(65_535).default(10_000),
});
export type ClientLimits = z.output<typeof clientLimitsSchema>;

/** Of one tenant on this bridge. */
const tenantLimitsSchema = z.strictObject({
  connections: z.int().min(1).max(1_000_000).default(20_000),
  messagesPerSecond: z.int().min(20).max(10_000_000).default(100_000),
  bytesPerSecond: z
    .int()
    .min(16 * 1024)
    .default(128 * MIB),
  registrationsPerSecond: rateField(2_000),
  announcementsPerSecond: rateField(1_000),
  /** Kafka topics of epochs in force that its devices have published to since the bridge started. */
  topics: z.int().min(1).max(1_000_000).default(100_000),
  httpPerSecond: rateField(1_000),
});
export type TenantLimits = z.output<typeof tenantLimitsSchema>;

/** Of one IPv4 address, or of one /64 of IPv6: a whole site may be behind it. */
const addressLimitsSchema = z.strictObject({
  /** More wrong logins than this from one address, and its connections are turned away until it rests. */
  failedLoginsPerMinute: z.int().min(1).max(1_000_000).default(120),
  /** MQTT connections, twice as many at once after a rest. Those beyond are not read, and closed a few seconds later, before TLS. */
  connectsPerSecond: rateField(50),
  /** The same of HTTP connections, which whoever has a login keeps. */
  httpConnectsPerSecond: rateField(20),
  /** MQTT connections that have not logged in yet, TLS included. */
  pendingConnections: z.int().min(1).max(1_000_000).default(300),
  httpConnections: z.int().min(1).max(1_000_000).default(2_000),
});

export const limitsSchema = z.strictObject({
  mqttConnections: z.int().min(1).max(1_000_000).default(20_000),
  /** Kafka topics whose leaders are followed for consumers. */
  followedTopics: z.int().min(1).max(100_000).default(10_000),
  httpInFlightPerClient: z.int().min(1).max(1_000).default(8),
  httpPerSecondPerClient: z.int().min(1).max(10_000).default(20),
  httpBurstPerClient: z.int().min(1).max(10_000).default(100),
  client: clientLimitsSchema.prefault({}),
  tenant: tenantLimitsSchema.prefault({}),
  address: addressLimitsSchema.prefault({}),
});
export type LimitsConfig = z.output<typeof limitsSchema>;

/** What a tenant's own entry says otherwise. */
export const tenantOverridesSchema = tenantLimitsSchema.partial().optional();
