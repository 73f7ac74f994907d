/** A device that comes back soon finds its mailbox still followed; nothing is followed for ever. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Followings } from "../../../bridge/mail/followings.ts";

const PATH = "/veilmq/t/mail/pump";
const MINUTE_MS = 60_000;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A ZooKeeper that tells what it is told to, as its port does: later, and only while it is watched. */
function rig(maxLingering?: number) {
  const watched = new Map<string, (names: string[] | null) => void>();
  const asked: string[] = [];
  const zookeeper = {
    watchChildren: (path: string, handler: (names: string[] | null) => void) => {
      asked.push(path);
      watched.set(path, handler);
      return () => watched.delete(path);
    },
  };
  const followings = new Followings(zookeeper, maxLingering);
  const tell = (names: string[] | null, path = PATH): void => watched.get(path)?.(names);
  return { followings, watched, asked, tell };
}

test("who is back within a minute hears what is known, and ZooKeeper is not asked again", () => {
  const { followings, asked, tell } = rig();
  const first = vi.fn();
  const leave = followings.follow(PATH, first);
  expect(first).not.toHaveBeenCalled();
  tell(null);
  expect(first.mock.calls).toEqual([[[]]]);
  leave();
  tell(["1"]);
  expect(first).toHaveBeenCalledTimes(1);

  vi.advanceTimersByTime(MINUTE_MS - 1);
  const second = vi.fn();
  followings.follow(PATH, second);
  expect(second.mock.calls).toEqual([[["1"]]]);
  vi.advanceTimersByTime(10 * MINUTE_MS);
  tell(["1", "2"]);
  expect(second).toHaveBeenLastCalledWith(["1", "2"]);
  expect(asked).toEqual([PATH]);
});

test("a minute after the last one has left nobody is followed any more", () => {
  const { followings, watched, asked } = rig();
  const leaves = [followings.follow(PATH, vi.fn()), followings.follow(PATH, vi.fn())];
  leaves[0]?.();
  vi.advanceTimersByTime(10 * MINUTE_MS);
  expect(watched.size).toBe(1);
  // Twice is once.
  leaves[1]?.();
  leaves[1]?.();
  vi.advanceTimersByTime(MINUTE_MS);
  expect(watched.size).toBe(0);
  followings.follow(PATH, vi.fn());
  expect(asked).toEqual([PATH, PATH]);
});

test("of those who have left only so many are followed", () => {
  const { followings, watched } = rig(2);
  const leaves = ["/a", "/b", "/c"].map((path) => followings.follow(path, vi.fn()));
  for (const leave of leaves) leave();
  expect([...watched.keys()]).toEqual(["/a", "/b"]);
  vi.advanceTimersByTime(MINUTE_MS);
  expect(watched.size).toBe(0);
});
