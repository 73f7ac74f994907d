#!/usr/bin/env node
/** `veilmq`: wires the commands, nothing else. Each file of commands/ adds its own. */
import { createRequire } from "node:module";
import { Command } from "commander";
import { addAgent } from "./commands/agent.ts";
import { addBridge } from "./commands/bridge.ts";
import { addConsume } from "./commands/consume.ts";
import { addDashboard } from "./commands/dashboard.ts";
import { addKms } from "./commands/kms.ts";
import { addVectors } from "./commands/vectors.ts";
import { reportError } from "./messages.ts";

const manifest: { version: string } = createRequire(import.meta.url)("veilmq/package.json");

// Commands inherit these settings, so they must be made before the commands are.
const program = new Command("veilmq")
  .description(
    "Sensor readings over MQTT and Kafka whose operators learn neither topics nor readings",
  )
  .version(manifest.version)
  .helpOption("-h, --help", "show what the command takes")
  .configureOutput({ outputError: (text, write) => write(`veilmq: ${text}`) })
  .showHelpAfterError("veilmq: hint: add --help to see what the command takes")
  .exitOverride();

addKms(program);
addAgent(program);
addBridge(program);
addConsume(program);
addDashboard(program);
addVectors(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
