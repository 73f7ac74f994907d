import { defineConfig } from "vitest/config";

/** Tests against the real Kafka and ZooKeeper, which global-setup starts once for all of them. */
const STACK = [
  "test/stack/**/*.test.ts",
  "test/core/ports/kafka/**/*.test.ts",
  "test/core/ports/zookeeper/**/*.test.ts",
  "test/bridge/brokers/**/*.test.ts",
  "test/demo/**/*.test.ts",
  "test/faults/faults.test.ts",
];

/** Also on a slow machine with other work to do. */
const PATIENT = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    // Two run side by side (test/run.sh): neither draws on the terminal.
    reporters: [["default", { summary: false }]],
    projects: [
      {
        test: {
          name: "unit",
          // For a machine with other work to do: no unit test takes a tenth of it otherwise.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: PATIENT,
          include: ["test/**/*.test.ts"],
          exclude: STACK,
        },
      },
      {
        test: {
          name: "stack",
          include: STACK,
          globalSetup: ["test/support/global-setup.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: PATIENT,
        },
      },
    ],
  },
});
