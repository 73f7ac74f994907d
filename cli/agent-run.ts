/** Runs the device agent for `veilmq agent run`. */
import { Agent } from "../agent/device/agent.ts";
import { loadAgentSettings } from "../agent/device/config.ts";
import { aborted, leave, shutdownSignal } from "../core/runtime/lifecycle.ts";
import { createLog } from "../core/runtime/log.ts";
import { Systemd } from "../core/runtime/sd-notify.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** Until SIGTERM or SIGINT; what the process should end with. */
export async function runAgent(configPath: string): Promise<ExitCode> {
  const signal = shutdownSignal();
  const settings = await loadAgentSettings(configPath);
  const log = createLog("agent", settings.logLevel);
  const agent = new Agent({ settings, log });
  const systemd = new Systemd({ pulses: () => agent.pulses(), log });
  await agent.start();
  log.info({ ports: settings.ports.length, pending: agent.status().pending }, "the agent runs");
  await systemd.ready();
  await aborted(signal);
  await systemd.stopping();
  const isClean = await agent.stop();
  leave(log);
  return isClean ? EXIT.OK : EXIT.ERROR;
}
