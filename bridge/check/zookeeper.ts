/** ZooKeeper as a bridge finds it: there, and with documents that nobody else may replace. */
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { headPath, tenantPath } from "../../core/wire/directory.ts";
import type { BridgeConfig } from "../config.ts";
import { type Finding, failure, ok, orFailure, warning } from "./finding.ts";

const ENSEMBLE = 3;
const AWAY =
  "does one of zookeeper.servers run, and may this machine reach it? echo srvr | nc <host> <port>";

export async function checkZooKeeper(
  { zookeeper: { servers, authFile }, tenants }: BridgeConfig,
  zookeeper: Pick<ZooKeeper, "exists" | "isOpenToAll">,
): Promise<readonly Finding[]> {
  const look = async (): Promise<readonly Finding[]> => {
    await zookeeper.exists("/");
    const findings: Finding[] = [
      servers.length >= ENSEMBLE
        ? ok("zookeeper", `answers; ${servers.length} servers are named`)
        : warning("zookeeper", `${servers.length} server(s): when it is lost, so is revocation`),
    ];
    if (authFile === undefined)
      findings.push(
        warning(
          "zookeeper.authFile",
          "is not given: whoever reaches ZooKeeper can delete documents, though not forge any",
        ),
      );
    for (const { name } of tenants)
      findings.push(...(await checkTenant(name, authFile, zookeeper)));
    return findings;
  };
  return orFailure("zookeeper", look, AWAY);
}

async function checkTenant(
  name: string,
  authFile: string | undefined,
  zookeeper: Pick<ZooKeeper, "exists" | "isOpenToAll">,
): Promise<Finding[]> {
  const subject = `tenant ${name}`;
  if (!(await zookeeper.exists(headPath(name))))
    return [
      failure(subject, "has no head: nothing is served for it", "veilmq bridge import --help"),
    ];
  const isOpen = authFile !== undefined && (await zookeeper.isOpenToAll(tenantPath(name)));
  if (!isOpen) return [ok(subject, "has its head in ZooKeeper")];
  const hint = "setAcl -R in ZooKeeper's own shell; docs/operations.md has the line";
  return [warning(subject, "was put there before authFile was: anybody may change it", hint)];
}
