/** A parent for cluster.test.ts: starts a cluster, prints the pids of its servers and gets no chance to clean up. */
import { startCluster } from "../../demo/cluster/cluster.ts";

const [, , dir = ""] = process.argv;
const cluster = await startCluster({ dir, brokers: 1 });
process.stdout.write(JSON.stringify(cluster.processes.map((server) => server.pid)), () => {
  process.kill(process.pid, "SIGKILL");
});
