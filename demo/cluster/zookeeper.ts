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
}

export function zooKeeperProcess({ folder, port, classpath }: ZooKeeperOptions): ServerProcess {
  return new ServerProcess({
    name: "zookeeper",
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
    },
    isReady: async () => (await ask(port, "srvr")).includes("Mode: "),
  });
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
