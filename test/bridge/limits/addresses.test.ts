import { expect, test } from "vitest";
import { limitsSchema } from "../../../bridge/config/limits.ts";
import { Addresses } from "../../../bridge/limits/addresses.ts";
import { networkOf } from "../../../bridge/limits/network.ts";

function addresses(said: { connectsPerSecond?: number; pendingConnections?: number } = {}) {
  const { address } = limitsSchema.parse({ address: said });
  const exceeded: string[] = [];
  const onExceeded = (limit: string, who: string) => exceeded.push(`${limit} ${who}`);
  return { made: new Addresses({ limits: () => address, onExceeded }), exceeded };
}

test.each([
  ["10.0.0.1", "10.0.0.1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
  ["2001:db8::9", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("%s counts as %s", (address, group) => {
  expect(networkOf(address)).toBe(group);
});

test("so many strangers of one network at a time, and a place is free when one has logged in", () => {
  const { made, exceeded } = addresses({ pendingConnections: 2 });
  const first = made.arrive("2001:db8::1");
  made.arrive("2001:db8::2");
  expect(made.arrive("2001:db8::3")).toEqual({ refused: "address-busy" });
  expect(made.arrive("2001:db8:0:1::1")).toHaveProperty("settled");
  if ("settled" in first) {
    first.settled();
    first.settled();
  }
  expect(made.arrive("2001:db8::4")).toHaveProperty("settled");
  expect(made.arrive("2001:db8::5")).toEqual({ refused: "address-busy" });
  expect(exceeded).toEqual(
    Array.from({ length: 2 }, () => "address.pendingConnections 2001:db8:0:0::/64"),
  );
});

test("so many connections a second after a burst, and no more", () => {
  const { made, exceeded } = addresses({ connectsPerSecond: 1 });
  const arrivals = Array.from({ length: 7 }, () => made.arrive("10.0.0.1"));
  expect(arrivals.filter((arrival) => "refused" in arrival).length).toBeGreaterThanOrEqual(1);
  expect(exceeded[0]).toBe("address.connectsPerSecond 10.0.0.1");
  expect(made.arrive("10.0.0.2")).toHaveProperty("settled");
});

test("of those who come at once the first begin at once, the others at the rate, and each network by itself", () => {
  const { made } = addresses({ connectsPerSecond: 100 });
  const pauses = Array.from({ length: 50 }, () => made.arrive("10.0.0.1")).map((arrival) =>
    "inMs" in arrival ? arrival.inMs : Number.NaN,
  );
  // What comes back in the meantime makes them shorter.
  expect(pauses.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0));
  expect(pauses.at(-1)).toBeLessThanOrEqual(400);
  expect(pauses.at(-1)).toBeGreaterThan(200);
  expect(made.arrive("10.0.0.2")).toMatchObject({ inMs: 0 });
});

test("over HTTP so many connections a second after a burst, whatever comes over MQTT", () => {
  const { made, exceeded } = addresses();
  const arrivals = Array.from({ length: 150 }, () => made.arriveOverHttp("10.0.0.1"));
  const welcome = arrivals.filter((arrival) => arrival !== null);
  expect(welcome.length).toBeGreaterThanOrEqual(40);
  expect(welcome.length).toBeLessThan(150);
  // Ten begin at once, the others at the rate: the fortieth after a second and a half.
  expect(welcome[9]?.inMs).toBe(0);
  expect(welcome[39]?.inMs).toBeGreaterThan(1_000);
  expect(welcome[39]?.inMs).toBeLessThanOrEqual(1_500);
  expect(exceeded[0]).toBe("address.httpConnectsPerSecond 10.0.0.1");
  expect(made.arrive("10.0.0.1")).toHaveProperty("settled");
  expect(made.arriveOverHttp("10.0.0.2")).not.toBeNull();
});

test("over HTTP who is unwelcome comes back the later", () => {
  const { made } = addresses();
  for (let n = 0; n < 8; n++) {
    expect(made.arriveOverHttp("10.0.0.1")).not.toBeNull();
    made.unwelcomeOverHttp("10.0.0.1");
  }
  expect(made.arriveOverHttp("10.0.0.1")).toBeNull();
  expect(made.arriveOverHttp("10.0.0.2")).not.toBeNull();
});

test("a hundred devices of a site that come at once are let in", () => {
  const { made, exceeded } = addresses();
  for (let n = 0; n < 100; n++) expect(made.arrive("10.0.0.1")).toHaveProperty("settled");
  expect(exceeded).toEqual([]);
});
