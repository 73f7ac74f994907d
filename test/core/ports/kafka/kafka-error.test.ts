import {
  KafkaJSAggregateError,
  KafkaJSConnectionError,
  KafkaJSNumberOfRetriesExceeded,
} from "kafkajs";
import { expect, test } from "vitest";
import { VeilError } from "../../../../core/errors.ts";
import { fromErrorCode, toVeilError } from "../../../../core/ports/kafka/kafka-error.ts";

test.each([
  [1, "INTERNAL", false],
  [3, "NOT_FOUND", false],
  [5, "UNAVAILABLE", true],
  [6, "UNAVAILABLE", true],
  [7, "TIMEOUT", true],
  [10, "TOO_LARGE", false],
  [15, "UNAVAILABLE", true],
  [17, "BAD_ARGUMENT", false],
  [18, "TOO_LARGE", false],
  [19, "UNAVAILABLE", true],
  [20, "UNAVAILABLE", true],
  [29, "AUTH", false],
  [38, "UNAVAILABLE", true],
  [40, "CONFIG", false],
  [56, "UNAVAILABLE", true],
  [9999, "INTERNAL", false],
])("Kafka's error %i is %s, retryable: %s", (number, code, retryable) => {
  expect(fromErrorCode(number, "doing")).toMatchObject({ code, retryable });
});

test("0 is no error", () => {
  expect(fromErrorCode(0, "doing")).toBeUndefined();
});

test("looks inside what kafkajs wraps, keeps ours, and quotes nothing but names", () => {
  const refused = new KafkaJSConnectionError("veil-secret", { code: "ECONNREFUSED" });
  const wrapped = new KafkaJSNumberOfRetriesExceeded(refused, { retryCount: 1, retryTime: 1 });
  const all = new KafkaJSAggregateError("veil-secret", [wrapped]);
  for (const error of [refused, wrapped, all]) {
    const known = toVeilError(error, "connecting");
    expect(known.code).toBe("DISCONNECTED");
    expect(known.message).toBe("connecting: KafkaJSConnectionError ECONNREFUSED");
    expect(known.cause).toBeUndefined();
  }
  const ours = new VeilError("DISK", "full");
  expect(toVeilError(ours, "x")).toBe(ours);
  expect(toVeilError(new TypeError("veil-secret"), "x").message).toBe("x: TypeError");
  expect(toVeilError("veil-secret", "x")).toMatchObject({ code: "INTERNAL", message: "x: string" });
});
