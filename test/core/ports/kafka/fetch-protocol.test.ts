import { expect, test } from "vitest";
import { fetchProtocol } from "../../../../core/ports/kafka/fetch-protocol.ts";

const { response } = fetchProtocol({
  from: [],
  maxWaitMs: 1,
  maxBytes: 1,
  maxPartitionBytes: 1,
  timeoutMs: 1,
});

const RECORDS = Buffer.from("records");
/** throttle(4) error(2) session(4) topics(4) = 1, length(2) = 1, "t", partitions(4) = 1 */
const HEAD = Buffer.from("000000000000000000000000000100017400000001", "hex");
/** partition(4) error(2) high(8) stable(8) start(8) aborted(4) = 0, replica(4), length(4) */
const PARTITION = Buffer.from(
  "00000003000600000000000000090000000000000009000000000000000000000000ffffffff",
  "hex",
);
const ANSWER = Buffer.concat([HEAD, PARTITION, Buffer.of(0, 0, 0, RECORDS.length), RECORDS]);

test("gives back what a broker answered", async () => {
  expect(await response.decode(ANSWER)).toEqual({
    errorCode: 0,
    partitions: [{ topic: "t", partition: 3, errorCode: 6, highWatermark: 9n, records: RECORDS }],
  });
});

test("refuses an answer that ends anywhere", async () => {
  for (let length = 0; length < ANSWER.length; length++)
    await expect(response.decode(ANSWER.subarray(0, length))).rejects.toMatchObject({
      code: "BAD_DOCUMENT",
    });
});

test("refuses a length below zero, which would lead backwards again and again", async () => {
  // A thousand topics: one without a name and without partitions, and one whose length leads back to that 0.
  const answer = Buffer.from("00000000000000000000" + "000003e8" + "000000000000" + "fffa", "hex");
  await expect(response.decode(answer)).rejects.toMatchObject({ code: "BAD_DOCUMENT" });
});
