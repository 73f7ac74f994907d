/** Room for bodies: what has come counts, and the slowest gives way. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { BodyRoom, type RoomBody } from "../../../bridge/http/body-room.ts";

interface Coming {
  readonly body: RoomBody;
  readonly stream: PassThrough;
  readonly whole: Promise<Buffer>;
}

function come(room: BodyRoom): Coming {
  const body = room.enter();
  const stream = new PassThrough();
  const whole = body.receive(stream);
  // A test looks at it later.
  whole.catch(() => undefined);
  return { body, stream, whole };
}

async function send({ stream }: Coming, bytes: number): Promise<void> {
  await new Promise((resolve) => stream.write(Buffer.alloc(bytes, 1), resolve));
}

test("gives a body as it came", async () => {
  const { stream, whole } = come(new BodyRoom({ maxBytes: 10, maxBytesPerBody: 10 }));
  stream.write("ab");
  stream.end("cd");
  expect((await whole).toString()).toBe("abcd");
});

test("the body that has been coming the longest gives way, and is read on to no end", async () => {
  const room = new BodyRoom({ maxBytes: 10, maxBytesPerBody: 10 });
  const [first, second, third] = [come(room), come(room), come(room)];
  await send(first, 4);
  await send(second, 4);
  await send(third, 4);
  await expect(first.whole).rejects.toMatchObject({ code: "LIMIT" });
  await send(first, 1_000);
  first.body.leave();
  await send(third, 2);
  second.stream.end();
  third.stream.end();
  expect((await second.whole).length).toBe(4);
  expect((await third.whole).length).toBe(6);
});

test("a whole body keeps its place until it leaves", async () => {
  const room = new BodyRoom({ maxBytes: 10, maxBytesPerBody: 10 });
  const first = come(room);
  first.stream.end(Buffer.alloc(8));
  await first.whole;
  const second = come(room);
  await send(second, 4);
  await expect(second.whole).rejects.toMatchObject({ code: "LIMIT" });
  first.body.leave();
  first.body.leave();
  const third = come(room);
  third.stream.end(Buffer.alloc(10));
  expect((await third.whole).length).toBe(10);
});

test("refuses a body that is too large, and keeps nothing of it or of one that breaks off", async () => {
  const room = new BodyRoom({ maxBytes: 6, maxBytesPerBody: 6 });
  const large = come(room);
  await send(large, 7);
  await expect(large.whole).rejects.toMatchObject({ code: "TOO_LARGE" });
  const broken = come(room);
  await send(broken, 5);
  broken.stream.destroy(new Error("reset"));
  await expect(broken.whole).rejects.toThrow("reset");
  broken.body.leave();
  const next = come(room);
  next.stream.end(Buffer.alloc(6));
  expect((await next.whole).length).toBe(6);
});
