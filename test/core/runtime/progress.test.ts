import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Progress, type ProgressStream } from "../../../core/runtime/progress.ts";

function recorder(isTTY: boolean): ProgressStream & { readonly text: string } {
  let text = "";
  return {
    isTTY,
    write: (part) => {
      text += part;
    },
    get text() {
      return text;
    },
  };
}

function progressOn(stream: ProgressStream, total: number, rate?: boolean): Progress {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return new Progress({ label: "searching", total, rate, stream });
}

describe("elsewhere than on a terminal", () => {
  test("each step of a few is a line", () => {
    const stream = recorder(false);
    const progress = progressOn(stream, 4);
    progress.start();
    vi.advanceTimersByTime(2_400);
    for (const done of [1, 2, 2, 1, 4]) progress.update(done);
    progress.stop();
    expect(stream.text).toBe(
      "searching: 0 of 4 (0 s)\nsearching: 1 of 4 (2 s)\nsearching: 2 of 4 (2 s)\nsearching: 4 of 4 (2 s)\n",
    );
  });

  test("the rate is part of it where that is asked for", () => {
    const stream = recorder(false);
    const progress = progressOn(stream, 1_000, true);
    progress.start();
    vi.advanceTimersByTime(4_000);
    for (const done of [500, 1_000]) progress.update(done);
    progress.stop();
    expect(stream.text).toBe(
      [
        "searching: 0 of 1000 (0 s)\n",
        "searching: 500 of 1000 (4 s, 130 a second)\n",
        "searching: 1000 of 1000 (4 s, 250 a second)\n",
      ].join(""),
    );
  });

  test("ten thousand steps are ten lines and the first", () => {
    const stream = recorder(false);
    const progress = progressOn(stream, 10_000);
    progress.start();
    for (let done = 1; done <= 10_000; done++) progress.update(done);
    progress.stop();
    const lines = stream.text.trimEnd().split("\n");
    expect(lines).toHaveLength(11);
    expect(lines.at(1)).toBe("searching: 1000 of 10000 (0 s)");
    expect(lines.at(-1)).toBe("searching: 10000 of 10000 (0 s)");
  });
});

describe("on a terminal", () => {
  test("one line is drawn again, also while nothing happens", () => {
    const stream = recorder(true);
    const progress = progressOn(stream, 4);
    progress.start();
    vi.advanceTimersByTime(1_000);
    progress.update(2);
    progress.stop();
    vi.advanceTimersByTime(5_000);
    expect(stream.text).toBe(
      [
        "\rsearching [........................] 0 of 4 (0 s)\x1b[K",
        "\rsearching [........................] 0 of 4 (1 s)\x1b[K",
        "\rsearching [############............] 2 of 4 (1 s)\x1b[K\n",
      ].join(""),
    );
  });

  test("nothing is shown of work that never began", () => {
    const stream = recorder(true);
    progressOn(stream, 4).stop();
    expect(stream.text).toBe("");
  });
});
