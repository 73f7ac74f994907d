import dns, { type LookupAddress } from "node:dns";
import { Registry } from "prom-client";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Listener } from "../../../bridge/http/listener.ts";
import { HttpMetrics } from "../../../bridge/http/metrics.ts";
import { listenAddress } from "../../../core/runtime/listen-address.ts";
import { silentLog } from "../../support/kafka.ts";
import { RawClient } from "../ports/mqtt/raw-client.ts";
import { startRig } from "../ports/mqtt/server-rig.ts";

const BOTH: LookupAddress[] = [
  { address: "::1", family: 6 },
  { address: "127.0.0.1", family: 4 },
];

/** As on a machine whose `localhost` is ::1 first: what Node and fastify would go by. */
beforeEach(() => {
  const { lookup } = dns;
  const answer = (...asked: unknown[]): void => {
    const [host, options, callback = options] = asked;
    if (host !== "localhost" || typeof callback !== "function") {
      Reflect.apply(lookup, dns, asked);
      return;
    }
    const wantsAll = options instanceof Object && Reflect.get(options, "all") === true;
    callback(null, ...(wantsAll ? [BOTH] : ["::1", 6]));
  };
  const spy = vi.spyOn(dns, "lookup").mockImplementation(answer as typeof dns.lookup);
  onTestFinished(() => spy.mockRestore());
});

test("an address stands for itself, localhost for 127.0.0.1, and a name of nobody for none", async () => {
  for (const address of ["127.0.0.1", "::1", "0.0.0.0", "::"])
    expect(await listenAddress(address)).toBe(address);
  expect(await listenAddress("localhost")).toBe("127.0.0.1");
  await expect(listenAddress("nobody.invalid")).rejects.toThrow();
});

test("a listener on localhost is one server, which its limits and its end hold for", async () => {
  const listener = new Listener({
    metrics: new HttpMetrics(new Registry()),
    refusals: { note: () => undefined },
    log: silentLog,
  });
  onTestFinished(() => listener.stop());
  const port = await listener.listen({ host: "localhost", port: 0 });
  expect(listener.app.addresses()).toEqual([{ address: "127.0.0.1", family: "IPv4", port }]);
});

test("an address that is taken says so, and leaves no timer that would keep the process alive", async () => {
  const { port } = await startRig({ host: "127.0.0.1" });
  const begun = vi.spyOn(globalThis, "setInterval");
  const ended = vi.spyOn(globalThis, "clearInterval");
  onTestFinished(() => void vi.restoreAllMocks());
  await expect(startRig({ host: "127.0.0.1", port })).rejects.toMatchObject({
    code: "CONFIG",
    message: `cannot listen for MQTT on 127.0.0.1:${port} (EADDRINUSE)`,
    hint: expect.stringContaining("another port"),
  });
  const timers = begun.mock.results.map(({ value }) => value);
  expect(timers.length).toBeGreaterThan(0);
  for (const timer of timers) expect(ended).toHaveBeenCalledWith(timer);
});

test("MQTT on localhost is at the same address", async () => {
  const { port } = await startRig({ host: "localhost" });
  await RawClient.open(port);
});
