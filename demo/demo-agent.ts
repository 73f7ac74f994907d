/** One agent of the demo with its own sensor on its own serial line. */
import { join } from "node:path";
import { stringify } from "yaml";
import { type AgentStatus, agentStatusSchema } from "../agent/device/status.ts";
import { makeFolder, replaceFile } from "../core/runtime/files.ts";
import { askLocal } from "../core/runtime/local-http.ts";
import { parseJson } from "../core/wire/fields.ts";
import type { GuardedProcess } from "./guarded-process.ts";
import { Cable } from "./pty/cable.ts";
import { Sensor } from "./sensor.ts";
import { veilmqDaemon } from "./veilmq.ts";

export interface DemoAgentOptions {
  readonly name: string;
  /** Holds agent.yaml, the serial line's link, the log and the state. */
  readonly folder: string;
  readonly credential: string;
  readonly topic: string;
  /** The agent's own default otherwise. */
  readonly keepaliveS?: number | undefined;
  readonly sensor: Pick<Sensor["options"], "serial" | "rate" | "readings">;
}

export class DemoAgent {
  readonly process: GuardedProcess;
  readonly sensor: Sensor;
  readonly topic: string;
  readonly cable: Cable;
  readonly #socket: string;

  private constructor(parts: {
    process: GuardedProcess;
    sensor: Sensor;
    topic: string;
    socket: string;
    cable: Cable;
  }) {
    this.process = parts.process;
    this.sensor = parts.sensor;
    this.topic = parts.topic;
    this.#socket = parts.socket;
    this.cable = parts.cable;
  }

  /** Opens the serial line and writes agent.yaml; the process is not started yet. */
  static async make(options: DemoAgentOptions): Promise<DemoAgent> {
    const { name, folder, credential, topic, keepaliveS } = options;
    await makeFolder(folder);
    const serial = join(folder, "serial");
    const cable = new Cable({ link: serial });
    await cable.plug();
    const config = join(folder, "agent.yaml");
    const stateDir = join(folder, "state");
    const ports = [{ path: serial, profile: "json-lines", topic }];
    const bridge = { keepaliveS };
    await replaceFile(config, stringify({ credential, stateDir, ports, bridge }));
    const process = veilmqDaemon({
      name,
      args: ["agent", "run", "--config", config],
      logFile: join(folder, "agent.log"),
    });
    const sensor = new Sensor({ ...options.sensor, cable });
    return new DemoAgent({ process, sensor, topic, socket: join(stateDir, "agent.sock"), cable });
  }

  /** Throws UNAVAILABLE while the agent does not run. */
  async status(): Promise<AgentStatus> {
    return parseJson(await askLocal(this.#socket, "/status"), agentStatusSchema);
  }

  async isReady(): Promise<boolean> {
    return this.status().then(
      () => true,
      () => false,
    );
  }

  /** Ends the process, then hangs the serial line up. */
  async stop(): Promise<void> {
    await this.process.stop();
    await this.cable.unplug();
  }
}
