import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { SharedCheck } from "../../../bridge/store/shared-check.ts";
import { VeilError } from "../../../core/errors.ts";

const INTERVAL_MS = 50;
/** Node's timers may fire a moment early, by the finer clock. */
const TIMER_SLACK_MS = 5;

interface Question {
  readonly atMs: number;
  settle(error?: Error): void;
}

function checker(minIntervalMs: number) {
  const questions: Question[] = [];
  const shared = new SharedCheck({
    minIntervalMs,
    check: () =>
      new Promise<void>((resolve, reject) => {
        const settle = (error?: Error): void => (error ? reject(error) : resolve());
        questions.push({ atMs: performance.now(), settle });
      }),
  });
  return { shared, questions };
}

test("a thousand who ask at once cost one question", async () => {
  const { shared, questions } = checker(0);
  const asked = Promise.all(Array.from({ length: 1_000 }, () => shared.ask()));
  await sleep(1);
  expect(questions).toHaveLength(1);
  questions[0]?.settle();
  await asked;
});

test("who asks while a question is under way gets the answer to a later one", async () => {
  const { shared, questions } = checker(0);
  const first = shared.ask();
  await sleep(1);
  let answered = false;
  const second = shared.ask().then(() => {
    answered = true;
  });
  questions[0]?.settle();
  await first;
  await sleep(1);
  expect(answered).toBe(false);
  expect(questions).toHaveLength(2);
  questions[1]?.settle();
  await second;
});

test("questions keep their distance", async () => {
  const { shared, questions } = checker(INTERVAL_MS);
  for (let n = 0; n < 3; n++) {
    const asked = shared.ask();
    while (questions.length === n) await sleep(1);
    questions[n]?.settle();
    await asked;
  }
  const [first, second, third] = questions.map(({ atMs }) => atMs);
  expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(INTERVAL_MS - TIMER_SLACK_MS);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(INTERVAL_MS - TIMER_SLACK_MS);
});

test("a failure is told to who asked, and forgotten", async () => {
  const { shared, questions } = checker(0);
  const both = [shared.ask(), shared.ask()];
  await sleep(1);
  questions[0]?.settle(new VeilError("UNAVAILABLE", "away"));
  for (const asked of both) await expect(asked).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const again = shared.ask();
  await sleep(1);
  questions[1]?.settle();
  await again;
});
