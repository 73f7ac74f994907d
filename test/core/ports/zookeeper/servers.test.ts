import { describe, expect, test } from "vitest";
import { parseServer, parseServers } from "../../../../core/ports/zookeeper/servers.ts";

describe("server addresses", () => {
  test("host and port", () => {
    expect(parseServers(["zk-1.example:2181", "10.0.0.1:1"])).toEqual([
      { host: "zk-1.example", port: 2181 },
      { host: "10.0.0.1", port: 1 },
    ]);
  });

  test.each(["[::1]:2181", "::1", "fe80::1:2181"])(
    "IPv6 literal %s is refused as such",
    (address) => {
      expect(() => parseServer(address)).toThrow(
        expect.objectContaining({ code: "CONFIG", message: expect.stringContaining("IPv6") }),
      );
    },
  );

  test.each([
    "",
    "zk",
    "zk:",
    ":2181",
    "zk:0",
    "zk:65536",
    "zk:2181/kafka",
    "zk:2181,b:2181",
    "a b:1",
  ])("%j is refused", (address) => {
    expect(() => parseServer(address)).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });

  test("an empty list is refused", () => {
    expect(() => parseServers([])).toThrow(expect.objectContaining({ code: "CONFIG" }));
  });
});
