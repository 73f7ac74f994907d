/** A standalone ZooKeeper, and the two questions that the cluster asks it. */
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { VeilError } from "../../core/errors.ts";
import { ServerProcess } from "./server-process.ts";

const HEAP_MIB = 128;
const TICK_MS = 1000;
const ANSWER_DEADLINE_MS = 2000;

export interface ZooKeeperOptions {
  readonly folder: string;
  readonly port: number;
  readonly classpath: string;
  /** As one of several. */
  readonly member?: EnsembleMember;
}

export interface EnsembleMember {
  /** From 1. */
  readonly id: number;
  /** Of all members, by id: where they talk among themselves, and where they elect. */
  readonly peers: readonly { readonly port: number; readonly electionPort: number }[];
}

export function zooKeeperProcess(options: ZooKeeperOptions): ServerProcess {
  const { folder, port, classpath, member } = options;
  return new ServerProcess({
    name: member ? `zookeeper-${member.id}` : "zookeeper",
    folder,
    classpath,
    mainClass: "org.apache.zookeeper.server.quorum.QuorumPeerMain",
    heapMiB: HEAP_MIB,
    configName: "zoo.cfg",
    config: {
      dataDir: join(folder, "data"),
      clientPortAddress: "127.0.0.1",
      clientPort: port,
      tickTime: TICK_MS,
      // Sessions of 2 to 20 ticks: fault tests ask for short ones.
      "admin.enableServer": false,
      "4lw.commands.whitelist": "srvr,dump",
      maxClientCnxns: 0,
      ...(member && ensembleConfig(member)),
    },
    isReady: async () => (await modeOf(port)) !== null,
  });
}

/** What the server at `port` is in its ensemble; `null` while it does not serve. */
export async function modeOf(port: number): Promise<"standalone" | "leader" | "follower" | null> {
  const mode = /^Mode: (\w+)$/m.exec(await ask(port, "srvr"))?.[1];
  return mode === "standalone" || mode === "leader" || mode === "follower" ? mode : null;
}

function ensembleConfig({ peers }: EnsembleMember): Readonly<Record<string, string | number>> {
  const servers = peers.map(({ port, electionPort }, index) => [
    `server.${index + 1}`,
    `127.0.0.1:${port}:${electionPort}`,
  ]);
  return { initLimit: 10, syncLimit: 4, ...Object.fromEntries(servers) };
}

/** Whether broker `id` is registered, by its own session or by one that has yet to expire. */
export async function hasBroker(port: number, id: number): Promise<boolean> {
  const lines = (await ask(port, "dump")).split("\n");
  return lines.some((line) => line.trim() === `/brokers/ids/${id}`);
}

/** A four-letter word: the server answers and closes. Throws UNAVAILABLE if it does not. */
async function ask(port: number, word: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.setTimeout(ANSWER_DEADLINE_MS, () => socket.destroy(new Error("no answer")));
  socket.write(word);
  try {
    return await text(socket);
  } catch (cause) {
    throw new VeilError("UNAVAILABLE", "ZooKeeper does not answer", { cause });
  }
}
