/** What the replay's consumer does while Kafka elects; the whole of it is tested by test/demo/paper.test.ts. */
import { expect, test } from "vitest";
import { untilAnswered } from "../../../../core/ports/kafka/group-member.ts";
import { createErrorFromCode } from "../../../../core/ports/kafka/kafkajs.ts";
import { NEVER } from "../../../../core/runtime/backoff.ts";

const NOT_COORDINATOR = 16;
const GROUP_AUTHORIZATION_FAILED = 30;

function failing(code: number, times: number): () => Promise<number> {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw createErrorFromCode(code);
    return calls;
  };
}

test("a broker that is not yet the coordinator is asked again", async () => {
  expect(await untilAnswered(failing(NOT_COORDINATOR, 2), NEVER)).toBe(3);
});

test("what cannot be tried again is not", async () => {
  const refused = failing(GROUP_AUTHORIZATION_FAILED, 1);
  await expect(untilAnswered(refused, NEVER)).rejects.toThrow("Not authorized to access group");
  expect(await refused()).toBe(2);
});

test("a stop ends the asking", async () => {
  const asking = untilAnswered(failing(NOT_COORDINATOR, 1000), AbortSignal.timeout(50));
  await expect(asking).rejects.toThrow("not the correct coordinator");
});
