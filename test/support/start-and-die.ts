// A parent for cluster.test.ts: starts a cluster, prints the pids of its servers and gets no chance to clean up.
import { runnerImport } from "vite";

const [, , clusterModule, dir] = process.argv;
const { module } = await runnerImport(clusterModule);
const cluster = await module.startCluster({ dir, brokers: 1 });
process.stdout.write(JSON.stringify(cluster.processes.map((server) => server.pid)), () => {
  process.kill(process.pid, "SIGKILL");
});
