import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { expect, test } from "vitest";
import { readTty } from "../../../../core/ports/serial/tty-read.ts";
import { openPty } from "../../../../demo/pty/pty.ts";

test("silence, bytes and a hang-up are three things", async () => {
  const pty = await openPty();
  const { O_RDWR, O_NOCTTY, O_NONBLOCK } = constants;
  const port = await open(pty.path, O_RDWR | O_NOCTTY | O_NONBLOCK);
  const buffer = Buffer.alloc(100);
  expect(readTty(pty.path, port.fd, buffer)).toBeNull();
  await pty.write("21.5");
  await expect.poll(() => readTty(pty.path, port.fd, buffer)).toBe(4);
  await pty.close();
  for (let i = 0; i < 3; i++)
    expect(() => readTty(pty.path, port.fd, buffer)).toThrowError(
      expect.objectContaining({ code: "DISCONNECTED" }),
    );
  await port.close();
});
