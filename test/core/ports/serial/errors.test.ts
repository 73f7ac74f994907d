import { expect, test } from "vitest";
import { openProblem } from "../../../../core/ports/serial/errors.ts";

test("a port that was plugged in just after the attempt was not there", async () => {
  // A character device that is there, as the port is by now.
  const cause = new Error("Error: No such file or directory, cannot open /dev/null");
  expect(await openProblem("/dev/null", cause)).toMatchObject({
    code: "UNAVAILABLE",
    message: "there is no /dev/null",
  });
});

test.each([
  [
    "/dev/null",
    "Error Resource temporarily unavailable Cannot lock port",
    "another process has /dev/null",
  ],
  ["/nowhere/port", "Error: No such file or directory", "there is no /nowhere/port"],
  [import.meta.filename, "whatever", `${import.meta.filename} is not a serial port`],
])("%s: %s", async (path, words, message) => {
  expect(await openProblem(path, new Error(words))).toMatchObject({ message });
});
