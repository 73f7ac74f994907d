/** `limits` of a bridge that is to be measured: what it can do, not what an operator lets one client do. */
const MUCH = 10_000_000;
const RATES = {
  messagesPerSecond: MUCH,
  bytesPerSecond: 1024 * MUCH,
  registrationsPerSecond: MUCH,
  announcementsPerSecond: MUCH,
};

export const UNLIMITED = {
  client: { ...RATES, connectsPerMinute: 1_000_000 },
  tenant: RATES,
  address: {
    connectsPerSecond: MUCH,
    httpConnectsPerSecond: MUCH,
    pendingConnections: 1_000_000,
    httpConnections: 1_000_000,
  },
};
