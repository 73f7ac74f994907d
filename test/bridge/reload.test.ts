import { expect, test } from "vitest";
import { changedSecrets } from "../../bridge/reload.ts";

test("files that are read at the start only are named where their contents have changed", () => {
  const before = { identities: ["AGE-SECRET-KEY-1A"], zookeeper: "bridge:secret" };
  expect(changedSecrets(before, { ...before })).toEqual([]);
  const after = { identities: ["AGE-SECRET-KEY-1B"], zookeeper: undefined };
  expect(changedSecrets(before, after)).toEqual(["identityFile", "zookeeper.authFile"]);
});
