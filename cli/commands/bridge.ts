/** `veilmq bridge …`: the operator's commands. */
import type { Command } from "commander";
import { printJson, printLine, printNote } from "../messages.ts";
import { addOperate } from "./bridge-operate.ts";

export function addBridge(program: Command): void {
  const bridge = program
    .command("bridge")
    .description("the operator's side: matching and storing")
    .addHelpText(
      "after",
      `
Examples, from nothing to a bridge that serves a tenant:
  veilmq bridge identity --out /etc/veilmq/bridge.age    # its recipient is for the owner
  veilmq bridge check --config /etc/veilmq/bridge.yaml
  veilmq bridge run --config /etc/veilmq/bridge.yaml
  veilmq bridge import acme/documents/*.json --bridge https://bridge:8443 --ca bridge-ca.pem
  veilmq bridge clients`,
    );
  addIdentity(bridge);
  addImport(bridge);
  addRun(bridge);
  addOperate(bridge);
}

function addRun(bridge: Command): void {
  bridge
    .command("run")
    .description("serve devices over MQTT and consumers over HTTP until SIGTERM")
    .requiredOption("--config <file>", "bridge.yaml; paths in it are relative to its folder")
    .addHelpText(
      "after",
      `
The smallest bridge.yaml, for one machine:

  zookeeper: { servers: ["127.0.0.1:2181"] }
  stateDir: /var/lib/veilmq
  identityFile: /etc/veilmq/bridge.age     # veilmq bridge identity --out …
  tenants:
    - name: acme
      kmsPublicKey: …                      # from the owner's public.json

Beyond one machine each listener needs an address and a certificate; plaintext has to be asked for by name:

  mqtt: { host: 0.0.0.0, port: 8883, tls: { cert: bridge.pem, key: bridge.key } }
  http: { host: 0.0.0.0, port: 8443, tls: { cert: bridge.pem, key: bridge.key } }
      # with clientCa: ca.pem in tls, clients must also show a certificate made out to <client>@<tenant>
  admin: { host: 127.0.0.1, port: 9464 }   # /healthz /readyz /metrics
  zookeeper: { servers: ["zk1:2181", "zk2:2181"], sessionTimeoutMs: 10000 }
      # with authFile: zk.auth, mode 0600, holding user:password: documents are for that identity alone
  kafka:
    listener: INTERNAL                     # found in ZooKeeper, by the listener's name; or, for KRaft,
    brokers: ["kafka1:9093"]               # found by these
    tls: { ca: kafka-ca.pem }
    sasl: { mechanism: scram-sha-512, username: veil-bridge, passwordFile: kafka.password }
    replication: 3                         # with three brokers or more: topics wait until so many are up
  limits:
    client: { messagesPerSecond: 1000, bytesPerSecond: 2097152 }
    tenant: { connections: 20000 }         # a tenant's own entry may have limits, too: docs/operations.md
  directoryMaxAgeMs: 600000                # an older directory stops match and release
  outboxMaxAgeDays: 60                     # the longest outbox.maxAgeDays of the agents: keys are remembered so long
  logLevel: info

Port 0 takes a free one; <stateDir>/listening.json tells which. The folder holds nothing that cannot be lost. A tenant
is served from the moment its head is imported: veilmq bridge import. Logs go to stderr, one JSON object a line.
SIGTERM: accepts nothing more, finishes what is in flight, and exits. SIGHUP: reads the file and the certificates again
and takes over limits, tenants and certificates without dropping a session.

Example:
  veilmq bridge run --config /etc/veilmq/bridge.yaml`,
    )
    .action(async ({ config }: { config: string }) => {
      const { runBridge } = await import("../run-bridge.ts");
      await runBridge(config);
    });
}

interface ImportFlags {
  readonly bridge: string;
  readonly ca?: string;
  readonly json?: boolean;
}

function addImport(bridge: Command): void {
  bridge
    .command("import")
    .description("send the owner's documents to a bridge")
    .argument("<file...>", "bundles that `veilmq kms` wrote, in the order of their names")
    .requiredOption("--bridge <url>", "https://host:port, or http:// on loopback")
    .option("--ca <file>", "PEM of the authority behind the bridge's certificate")
    .option("--json", "one JSON object a line: {file, accepted, unchanged}")
    .addHelpText(
      "after",
      `
The signatures in the documents are the authority: whoever brings them needs no login, and cannot change them. What
the bridge has already is left as it is; an older document than it has is refused.

Example:
  veilmq bridge import kms/acme/documents/*.json --bridge https://bridge:8443 --ca bridge-ca.pem`,
    )
    .action(async (files: string[], flags: ImportFlags) => {
      const { postBundles } = await import("../post-documents.ts");
      const posted = postBundles({ url: flags.bridge, caFile: flags.ca }, files);
      for await (const { file, accepted, unchanged } of posted)
        if (flags.json) printJson({ file, accepted, unchanged });
        else printLine(`${file}: ${accepted} new, ${unchanged} known already`);
    });
}

function addIdentity(bridge: Command): void {
  bridge
    .command("identity")
    .description("make the bridge's age identity and print its recipient, which the owner needs")
    .requiredOption("--out <file>", "where to put the identity, mode 0600; must not exist yet")
    .option("--json", "one JSON object: {recipient, file}")
    .addHelpText(
      "after",
      `
The identity opens what owners seal for this bridge. All replicas of one operator share it.
The recipient (age1…) is public: give it to the owner for \`veilmq kms init --bridge-recipient\`.

Examples:
  veilmq bridge identity --out bridge.age
  veilmq bridge identity --out bridge.age > bridge.recipient`,
    )
    .action(async ({ out, json }: { out: string; json?: boolean }) => {
      const { createIdentityFile } = await import("../identity-file.ts");
      const recipient = await createIdentityFile(out);
      if (json) printJson({ recipient, file: out });
      else printLine(recipient);
      printNote(`the identity is in ${out}; keep a copy where it is safe`);
    });
}
