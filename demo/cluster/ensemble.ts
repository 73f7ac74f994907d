/** An ensemble of three ZooKeepers on loopback, of which one at a time may be lost. */

import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { NEVER } from "../../core/runtime/backoff.ts";
import { makeFolder, replaceFile } from "../../core/runtime/files.ts";
import { resolveClasspath } from "./classpath.ts";
import { freePorts } from "./ports.ts";
import type { ServerProcess } from "./server-process.ts";
import { JAVA, requireTool, SETPRIV } from "./tools.ts";
import { modeOf, zooKeeperProcess } from "./zookeeper.ts";

const SIZE = 3;

interface Member {
  readonly port: number;
  readonly server: ServerProcess;
}

export class Ensemble {
  readonly #members: readonly Member[];

  constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** `host:port` of all three, with commas. */
  get zookeeper(): string {
    return this.#members.map(({ port }) => `127.0.0.1:${port}`).join(",");
  }

  /** Kills the leader (kill -9); resolves when it is gone. Throws UNAVAILABLE where there is none. */
  async killLeader(): Promise<void> {
    for (const { port, server } of this.#members) {
      if (!server.running || (await modeOf(port)) !== "leader") continue;
      await server.kill("SIGKILL");
      return;
    }
    throw new VeilError("UNAVAILABLE", "the ensemble has no leader");
  }

  /** Used by `startEnsemble`. */
  async start(): Promise<void> {
    await Promise.all(this.#members.map(({ server }) => server.spawn()));
    await Promise.all(this.#members.map(({ server }) => server.awaitReady(NEVER)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ server }) => server.stop()));
  }
}

/** Starts three and resolves when they have a leader. Throws as `startCluster`. */
export async function startEnsemble(dir: string): Promise<Ensemble> {
  await Promise.all([requireTool(JAVA), requireTool(SETPRIV)]);
  const classpath = await resolveClasspath();
  const ports = await freePorts(SIZE * 3);
  const portOf = (index: number): number => ports[index] ?? 0;
  const peers = Array.from({ length: SIZE }, (_, index) => ({
    port: portOf(SIZE + index),
    electionPort: portOf(2 * SIZE + index),
  }));
  const members: Member[] = [];
  for (let id = 1; id <= SIZE; id++) {
    const folder = join(dir, `zookeeper-${id}`);
    await makeFolder(join(folder, "data"));
    await replaceFile(join(folder, "data", "myid"), `${id}\n`);
    const port = portOf(id - 1);
    members.push({
      port,
      server: zooKeeperProcess({ folder, port, classpath, member: { id, peers } }),
    });
  }
  const ensemble = new Ensemble(members);
  try {
    await ensemble.start();
  } catch (error) {
    await ensemble.stop();
    throw error;
  }
  return ensemble;
}
