/** `veilmq/consumer` as another project has it: its types, under the strictest settings, and its refusals. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { isVeilError, subscribe } from "../../../agent/consumer/subscribe.ts";
import { replaceSecretFile } from "../../../core/runtime/files.ts";
import { encodeCredential } from "../../../core/wire/credential.ts";
import { fieldTenant } from "../../support/field-tenant.ts";
import { testFolder } from "../../support/folder.ts";
import { heldBy } from "../../support/held-by.ts";

const PROGRAM = `
import { isVeilError, type Measurement, type Reading, subscribe } from "veilmq/consumer";
const options = { credential: "c", topics: ["a"], from: new Date(), until: new Date(), wait: true };
try {
  for await (const reading of subscribe({ ...options, signal: AbortSignal.timeout(1) })) {
    const { topic, time, unsynced, taken, offset, values }: Reading = reading;
    const [first]: readonly Measurement[] = values;
    const value: number | string | boolean | undefined = first?.value;
    const sum: bigint = offset + 1n;
    // @ts-expect-error An offset is no number.
    const wrong: number = offset;
    if (!unsynced) console.log(topic.length, time.getTime() - taken.getTime(), value, sum, wrong);
  }
} catch (error) {
  if (isVeilError(error, "REVOKED")) console.log(error.hint);
}
// @ts-expect-error There is no such place to begin.
subscribe({ credential: "c", topics: ["a"], from: "yesterday" });
`;

test("has types that hold under strict settings", async () => {
  const folder = await testFolder();
  await mkdir(join(folder, "node_modules"));
  await symlink(resolve("."), join(folder, "node_modules", "veilmq"));
  await writeFile(join(folder, "program.mts"), PROGRAM);
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ module: "nodenext", target: "es2023", strict: true, noEmit: true, skipLibCheck: true },
        ...{ types: ["node"], typeRoots: [resolve("node_modules/@types")] },
        exactOptionalPropertyTypes: true,
      },
      files: ["program.mts"],
    }),
  );
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const check = promisify(execFile)(process.execPath, [tsc, "-p", folder]).catch(
    (error: { stdout: string }) => ({ stdout: error.stdout }),
  );
  expect((await check).stdout).toBe("");
});

test.each([
  [{ credential: "/nowhere", topics: [] }, "CONFIG"],
  [{ credential: "/nowhere", topics: ["a"], from: "checkpoint" as const }, "CONFIG"],
  [{ credential: "/nowhere", topics: ["a"] }, "SECRET_FILE"],
])("refuses %j before the first reading: %s", async (options, code) => {
  const failure = await subscribe(options)
    .next()
    .catch((error: unknown) => error);
  expect(isVeilError(failure) && failure.code).toBe(code);
});

test("leaves nothing of a subscription behind on a signal of the caller's that lives on", async () => {
  const bridge = createServer((_request, response) => void response.writeHead(401).end());
  await once(bridge.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void bridge.close());
  const { port } = bridge.address() as AddressInfo;
  const enrolled = fieldTenant().enrol("reader", { topics: ["a"], urls: [] }).credential;
  const credential = join(await testFolder(), "credential");
  const http = [`http://127.0.0.1:${port}`];
  await replaceSecretFile(
    credential,
    encodeCredential({ ...enrolled, bridge: { mqtt: [], http } }),
  );
  const { signal } = new AbortController();
  for (let n = 0; n < 3; n++)
    await expect(subscribe({ credential, topics: ["a"], signal }).next()).rejects.toMatchObject({
      code: "AUTH",
    });
  expect(heldBy(signal)).toBe(0);
});
