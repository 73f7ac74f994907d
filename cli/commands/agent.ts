/** `veilmq agent …`: the field engineer's commands. */
import type { Command } from "commander";
import { addCapture, addDecode, addPorts, addProfileSchema, addSniff } from "./agent-bytes.ts";
import { addOutbox } from "./agent-outbox.ts";
import { addCheck, addImport } from "./agent-setup.ts";

export function addAgent(program: Command): void {
  const agent = program
    .command("agent")
    .description("the device's side: from the serial line on")
    .addHelpText(
      "after",
      `
Examples, from a sensor on a cable to its readings at a bridge:
  veilmq agent ports                                     # which line it is on
  veilmq agent sniff --port /dev/serial/by-id/usb-…      # what it says, and what that may be
  veilmq agent import probe-1.cred.age --config /etc/veilmq/agent.yaml
  veilmq agent check --config /etc/veilmq/agent.yaml
  veilmq agent run --config /etc/veilmq/agent.yaml
  veilmq agent status --config /etc/veilmq/agent.yaml`,
    );
  addRun(agent);
  addCheck(agent);
  addImport(agent);
  addStatus(agent);
  addOutbox(agent);
  addPorts(agent);
  addSniff(agent);
  addCapture(agent);
  addDecode(agent);
  addProfileSchema(agent);
}

function addRun(agent: Command): void {
  agent
    .command("run")
    .description("read serial ports and bring every reading, sealed, to a bridge")
    .requiredOption("--config <file>", "agent.yaml")
    .addHelpText(
      "after",
      `
A reading that is reported as taken survives kill -9 and power loss until a bridge has acknowledged it.
When the owner changes the keys, newer ones come by themselves; they replace the credential, or are kept in stateDir.
SIGTERM stops cleanly: what was read is sealed and on disk. The log is on stderr, one JSON object a line.

agent.yaml, with what has no default first:
  credential: probe-1.cred.json        # from \`veilmq kms enrol\`, mode 0600; under systemd: LoadCredential=credential:…,
                                       # otherwise agent.cred beside agent.yaml
  stateDir: /var/lib/veilmq            # outbox, rejected records, agent.sock; under systemd: StateDirectory=
  ports:
    - path: /dev/serial/by-id/usb-…    # a name in by-id stays the same over replugging
      profile: json-lines              # a name in devices/, or the path of your own
      topic: greenhouse/north/climate  # granted to this client for publishing
      baudRate: 9600                   # optional, as dataBits, stopBits, parity, flowControl: the profile's otherwise
      silentAfterMs: 60000             # optional: without a valid frame for so long an alert is sent
  bridge:
    urls: [mqtts://bridge.example:8883]  # the credential's otherwise
    tls: { cert: me.pem, key: me.key } # only for a bridge that asks for certificates
    keepaliveS: 30                     # a connection that died unseen is noticed after 1.5 times this
  outbox: { maxBytes: 1073741824, maxAgeDays: 60, policy: oldest, syncIntervalMs: 200, syncBytes: 65536 }
  aead: auto                           # or aes-256-gcm, chacha20-poly1305
  padding: true
  allowPlaintext: false                # mqtt:// beyond this machine
  clock: system                        # trusted: it is set, whatever the system says
  log: { level: info }
  status: { socket: /run/veilmq/agent.sock, topic: greenhouse/north/agent, intervalS: 60 }  # sealed like a reading

docs/agent.md has every field with its values and its default, docs/devices.md how to write a profile.

Examples:
  veilmq agent check --config agent.yaml && veilmq agent run --config agent.yaml
  veilmq agent status --config agent.yaml`,
    )
    .action(async ({ config }: { config: string }) => {
      const { runAgent } = await import("../agent-run.ts");
      process.exitCode = await runAgent(config);
    });
}

function addStatus(agent: Command): void {
  agent
    .command("status")
    .description("ask a running agent how its ports, outbox and uplink are")
    .option("--config <file>", "the agent.yaml it runs with")
    .option("--socket <path>", "its socket, where there is no agent.yaml at hand")
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      `
"waiting" counts what is on disk and not acknowledged by a bridge, key announcements included. "keys" says which epoch
readings are sealed for; what is left of an older one, after a change of keys, goes before all newer ones.
The same socket serves Prometheus: curl --unix-socket SOCKET http://localhost/metrics

Examples:
  veilmq agent status --config agent.yaml
  veilmq agent status --socket /var/lib/veilmq/agent.sock --json`,
    )
    .action(async (options: { config?: string; socket?: string; json?: true }) => {
      const { printAgentStatus } = await import("../agent-status.ts");
      await printAgentStatus(options);
    });
}
