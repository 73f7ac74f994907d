import { describe, expect, test } from "vitest";
import { type EndpointChoice, endpointOf } from "../../../bridge/brokers/registration.ts";

const PLAINTEXT: EndpointChoice = { securityProtocol: "PLAINTEXT" };

/** As Kafka 3.9 writes it; `host` and `port` are those of a broker without a PLAINTEXT listener. */
function registration(endpoints: string[], protocols?: Record<string, string>): Buffer {
  return Buffer.from(
    JSON.stringify({
      features: {},
      listener_security_protocol_map: protocols,
      endpoints,
      jmx_port: -1,
      port: -1,
      host: null,
      version: 5,
      timestamp: "1795300000000",
    }),
  );
}

describe("the endpoint of a broker's registration", () => {
  const two = registration(["INSIDE://kafka-1.internal:9092", "OUTSIDE://kafka.example.org:9093"], {
    INSIDE: "PLAINTEXT",
    OUTSIDE: "SASL_SSL",
  });

  test("by security protocol", () => {
    expect(endpointOf(two, PLAINTEXT)).toEqual({ address: "kafka-1.internal:9092" });
    expect(endpointOf(two, { securityProtocol: "SASL_SSL" })).toEqual({
      address: "kafka.example.org:9093",
    });
  });

  test("by the listener's name", () => {
    const securityProtocol = "SASL_SSL";
    expect(endpointOf(two, { listener: "OUTSIDE", securityProtocol })).toEqual({
      address: "kafka.example.org:9093",
    });
    const missing = endpointOf(two, { listener: "PLAINTEXT", securityProtocol });
    expect(missing).toEqual({ problem: "no such listener" });
    const other = endpointOf(two, { listener: "OUTSIDE", securityProtocol: "SSL" });
    expect(other).toEqual({ problem: "another security protocol" });
    expect(endpointOf(two, { securityProtocol: "SSL" })).toEqual({ problem: "no such listener" });
  });

  test("a registration without a protocol map names listeners after protocols", () => {
    expect(endpointOf(registration(["PLAINTEXT://a:9092"]), PLAINTEXT)).toEqual({
      address: "a:9092",
    });
  });

  test("an IPv6 literal is a problem, unless there is another way", () => {
    const literal = "PLAINTEXT://[fe80::1]:9092";
    expect(endpointOf(registration([literal]), PLAINTEXT)).toEqual({ problem: "IPv6 literal" });
    expect(endpointOf(registration(["PLAINTEXT://::1:9092"]), PLAINTEXT)).toEqual({
      problem: "IPv6 literal",
    });
    const also = registration([literal, "NAMED://a:9092"], {
      PLAINTEXT: "PLAINTEXT",
      NAMED: "PLAINTEXT",
    });
    expect(endpointOf(also, PLAINTEXT)).toEqual({ address: "a:9092" });
  });

  test.each(["", "{", "null", "[]", '{"endpoints":"PLAINTEXT://a:1"}', '{"endpoints":[1]}'])(
    "%j is unreadable",
    (text) => {
      expect(endpointOf(Buffer.from(text), PLAINTEXT)).toEqual({ problem: "unreadable" });
    },
  );

  test.each(["PLAINTEXT://:9092", "PLAINTEXT://a", "a:9092", "PLAINTEXT://a:9092/x"])(
    "the endpoint %j has no address",
    (endpoint) => {
      expect(endpointOf(registration([endpoint]), PLAINTEXT)).not.toHaveProperty("address");
    },
  );
});
