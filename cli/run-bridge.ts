/** `veilmq bridge run`: a bridge from its start to a signal. */
import { Bridge } from "../bridge/bridge.ts";
import { loadBridgeConfig } from "../bridge/config.ts";
import { VeilError } from "../core/errors.ts";
import { aborted, leave, onReloadSignal, shutdownSignal } from "../core/runtime/lifecycle.ts";
import { createLog } from "../core/runtime/log.ts";
import { Systemd } from "../core/runtime/sd-notify.ts";

/** Returns after SIGTERM or SIGINT; SIGHUP reloads. Throws CONFIG with all problems, as `Bridge.start`, and TIMEOUT for a stop that was not clean. */
export async function runBridge(configFile: string): Promise<void> {
  const config = await loadBridgeConfig(configFile);
  const log = createLog("bridge", config.logLevel);
  const signal = shutdownSignal();
  const bridge = new Bridge({ config, log });
  onReloadSignal(async () => {
    try {
      await bridge.reload(await loadBridgeConfig(configFile));
    } catch (error) {
      log.error({ err: error }, "the configuration was not reloaded: everything stays as it was");
    }
  });
  // A signal also ends a start that still waits for ZooKeeper or Kafka.
  const started = bridge.start();
  started.catch(() => undefined);
  // A bridge has no loop of its own to watch: that its process answers is all.
  const systemd = new Systemd({ pulses: () => [], log });
  const served = started.then(() => systemd.ready()).then(() => aborted(signal));
  await Promise.race([served, aborted(signal)]);
  await systemd.stopping();
  const isClean = await bridge.stop();
  leave(log);
  if (!isClean) throw new VeilError("TIMEOUT", "the bridge did not stop in time; see its log");
}
