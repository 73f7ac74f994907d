import { defineConfig } from "vitest/config";

/** Tests that start a Kafka and a ZooKeeper of their own: beside the others, since they mostly wait. */
const OWN_CLUSTER = ["test/demo/{cluster,demo,leaks,tools}.test.ts", "test/stack/ensemble.test.ts"];

/** Tests against the real Kafka and ZooKeeper, which global-setup starts once for all of them. */
const STACK = [
  "test/stack/**/*.test.ts",
  "test/core/ports/kafka/**/*.test.ts",
  "test/core/ports/zookeeper/**/*.test.ts",
  "test/bridge/brokers/**/*.test.ts",
  "test/demo/**/*.test.ts",
  "test/faults/faults.test.ts",
];

/** Of the cryptography everything is reached by its own tests: `npm test` and `npm run coverage` count. */
const SCHEME = ["test/core/scheme/**/*.test.ts"];

/** Those that leave nothing behind share one process and its modules: to make them anew for each file was half their time. */
const SHARED = [
  "test/core/wire/**/*.test.ts",
  "test/bridge/**/*.test.ts",
  "test/agent/consumer/**/*.test.ts",
  "test/agent/device/{framing,profile,outbox,sealing,uplink,sniffing,time}/**/*.test.ts",
  "test/devices/**/*.test.ts",
  "test/vectors/**/*.test.ts",
];

/** For a machine with other work to do: few tests take a tenth of it otherwise. */
const TIMEOUT_MS = 120_000;
/** For a value to become what is expected: below that, so that it is what fails. */
const PATIENT = { poll: { timeout: 30_000 } };

export default defineConfig({
  test: {
    // Several run side by side (test/run.sh): neither draws on the terminal.
    reporters: [["default", { summary: false }]],
    // The servers of global-setup have to end first.
    teardownTimeout: TIMEOUT_MS,
    coverage: {
      provider: "v8",
      include: ["core/scheme/**"],
      exclude: ["test/**"],
      reporter: [["text", { skipFull: true }]],
      thresholds: { 100: true },
    },
    projects: [
      {
        test: {
          name: "unit",
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          expect: PATIENT,
          include: ["test/**/*.test.ts"],
          exclude: [...STACK, ...SHARED, ...SCHEME],
        },
      },
      {
        test: {
          name: "scheme",
          isolate: false,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          expect: PATIENT,
          include: SCHEME,
        },
      },
      {
        test: {
          name: "unit-shared",
          isolate: false,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          expect: PATIENT,
          include: SHARED,
          exclude: STACK,
        },
      },
      {
        test: {
          name: "clusters",
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          expect: PATIENT,
          include: OWN_CLUSTER,
        },
      },
      {
        test: {
          name: "stack",
          include: STACK,
          exclude: OWN_CLUSTER,
          globalSetup: ["test/support/global-setup.ts"],
          fileParallelism: false,
          testTimeout: TIMEOUT_MS,
          hookTimeout: TIMEOUT_MS,
          expect: PATIENT,
        },
      },
    ],
  },
});
