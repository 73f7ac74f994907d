import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readIdentities } from "../../bridge/directory/identity.ts";
import { makeTenant } from "../kms/fixture.ts";
import { testFolder } from "../support/folder.ts";
import { importServer } from "./import-server.ts";
import { veilmqHere } from "./in-process.ts";
import { veilmq } from "./veilmq.ts";

describe("bridge identity", () => {
  test("is a file that the bridge reads, and a recipient on stdout", async () => {
    const folder = await testFolder();
    const made = await veilmq(["bridge", "identity", "--out", "bridge.age"], folder);
    expect(made).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^age1[a-z0-9]{58}\n$/),
      stderr: "veilmq: the identity is in bridge.age; keep a copy where it is safe\n",
    });
    const other = await veilmqHere(["bridge", "identity", "--out", "other.age", "--json"], folder);
    expect(JSON.parse(other.stdout)).toEqual({
      recipient: expect.stringMatching(/^age1[a-z0-9]{58}$/),
      file: "other.age",
    });
    const path = join(folder, "bridge.age");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readIdentities(path)).toHaveLength(1);
    expect(await readFile(path, "utf8")).toContain(made.stdout.trim());
  });

  test("is never overwritten", async () => {
    const folder = await testFolder();
    await writeFile(join(folder, "bridge.age"), "precious");
    const { code, stdout, stderr } = await veilmqHere(
      ["bridge", "identity", "--out", "bridge.age"],
      folder,
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /^veilmq: error: cannot make bridge\.age: it exists already\nveilmq: hint: /,
    );
    const elsewhere = await veilmqHere(["bridge", "identity", "--out", "no/bridge.age"], folder);
    expect(elsewhere.stderr).toBe(
      "veilmq: error: cannot make no/bridge.age: its folder is not there\n",
    );
    expect(await readFile(join(folder, "bridge.age"), "utf8")).toBe("precious");
  });
});

describe("bridge import", () => {
  test("sends files in their order and says what became of each", async () => {
    const { made } = await makeTenant();
    const { url, caFile, received } = await importServer();
    const args = ["bridge", "import", made.bundle, made.bundle, "--bridge", url, "--ca", caFile];
    expect(await veilmqHere(args)).toEqual({
      code: 0,
      stdout: `${made.bundle}: 1 new, 0 known already\n`.repeat(2),
      stderr: "",
    });
    expect(received).toEqual([["/veilmq/acme/head"], ["/veilmq/acme/head"]]);
    expect(JSON.parse((await veilmq([...args, "--json"])).stdout.split("\n")[0] ?? "")).toEqual({
      file: made.bundle,
      accepted: 1,
      unchanged: 0,
    });
  });

  test("says why a bridge refused", async () => {
    const { made } = await makeTenant();
    const body = '{"code":"ROLLED_BACK","message":"serial 1 is below 4, seen before"}';
    const { url, caFile } = await importServer({ status: 409, body });
    const args = ["bridge", "import", made.bundle, "--bridge", url, "--ca", caFile];
    expect(await veilmqHere(args)).toEqual({
      code: 1,
      stdout: "",
      stderr: `veilmq: error: ${made.bundle}: the bridge answered 409: serial 1 is below 4, seen before\n`,
    });
  });

  test("sends nothing that is no bundle, and trusts no other CA", async () => {
    const { made } = await makeTenant();
    const { url, caFile, received } = await importServer();
    const other = await veilmqHere([
      "bridge",
      "import",
      made.publicFile,
      "--bridge",
      url,
      "--ca",
      caFile,
    ]);
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(
      /public\.json: these fields are missing or wrong: veilmq, version/,
    );
    const untrusted = await veilmqHere(["bridge", "import", made.bundle, "--bridge", url]);
    expect(untrusted.code).toBe(1);
    expect(untrusted.stderr).toContain("the bridge's certificate is not trusted");
    expect(received).toEqual([]);
  });
});

describe("bridge check", () => {
  test("says what to look for where ZooKeeper and Kafka do not answer", async () => {
    const folder = await testFolder();
    await veilmqHere(["bridge", "identity", "--out", "bridge.age"], folder);
    const config = {
      zookeeper: { servers: ["127.0.0.1:1"] },
      stateDir: "state",
      identityFile: "bridge.age",
      tenants: [{ name: "acme", kmsPublicKey: Buffer.alloc(32).toString("base64url") }],
    };
    await writeFile(join(folder, "bridge.yaml"), JSON.stringify(config));
    const { code, stdout } = await veilmq(["bridge", "check", "--config", "bridge.yaml"], folder);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^error {3}zookeeper: there is no connection.*\n +hint: does one of/m);
    expect(stdout).toMatch(/^error {3}kafka: ZooKeeper has not been read.*\n +hint: its brokers/m);
  });
});
