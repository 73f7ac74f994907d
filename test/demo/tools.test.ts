import { expect, test } from "vitest";
import { JAVA, MAVEN, requireTool, runTool, SETPRIV } from "../../demo/cluster/tools.ts";

test.each([JAVA, MAVEN, SETPRIV])("$command is here and recent enough", async (tool) => {
  await requireTool(tool);
});

test.each([
  ["missing", { command: "veilmq-no-such-tool" }],
  ["too old", { minimum: [999, 0] as const }],
  ["of an unknown kind", { version: /surely not (\d+)/ }],
])("a tool that is %s is named, with what to install", async (_what, change) => {
  await expect(requireTool({ ...MAVEN, ...change })).rejects.toMatchObject({
    code: "MISSING_TOOL",
    hint: expect.stringContaining("apt install maven"),
  });
});

test("a tool that fails gives its own reason", async () => {
  await expect(runTool(MAVEN, ["-B", "-f", "/veilmq-no-such-pom"])).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringMatching(/^mvn failed: .*POM/),
  });
});

test("a tool can be interrupted", async () => {
  const sleep = { ...SETPRIV, command: "sleep" };
  await expect(runTool(sleep, ["60"], AbortSignal.timeout(50))).rejects.toMatchObject({
    code: "STOPPED",
  });
});
