/** `veilmq bridge clients` and `topics`: questions to a running bridge's admin listener. */
import { z } from "zod";
import { buildCluster, readLogins } from "../bridge/cluster.ts";
import { loadBridgeConfig } from "../bridge/config.ts";
import { isVeilError, VeilError } from "../core/errors.ts";
import { HttpClient } from "../core/ports/http/client.ts";
import { readGivenFile } from "../core/runtime/files.ts";
import { createLog } from "../core/runtime/log.ts";
import { printJson, printLine, printNote } from "./messages.ts";

export interface AdminFlags {
  readonly admin: string;
  readonly ca?: string;
  readonly json?: true;
}

const clientsSchema = z.object({
  clients: z.array(
    z.object({
      client: z.string(),
      tenant: z.string(),
      connected: z.boolean(),
      lastSeenMs: z.number(),
      messages: z.number(),
      perSecond: z.number(),
      lastRefusal: z.object({ what: z.string(), code: z.string(), atMs: z.number() }).nullable(),
    }),
  ),
});
type ClientRow = z.output<typeof clientsSchema>["clients"][number];

const orphansSchema = z.object({
  orphans: z.array(z.object({ topic: z.string(), partitions: z.number() })),
  strangers: z.number(),
});

export interface ClientsFlags extends AdminFlags {
  readonly tenant?: string;
}

/** A line for each client that this bridge has seen, the newest first. */
export async function listClients({ tenant, json, ...flags }: ClientsFlags): Promise<void> {
  const { clients } = await ask(flags, "/clients", clientsSchema);
  const wanted = clients.filter((row) => tenant === undefined || row.tenant === tenant);
  for (const row of wanted) {
    if (json) printJson(row);
    else printLine(clientLine(row, Date.now()));
  }
  if (wanted.length === 0) printNote("this bridge has seen no such client since it started");
}

function clientLine(row: ClientRow, nowMs: number): string {
  const { client, tenant, connected, lastSeenMs, perSecond, lastRefusal } = row;
  const state = connected ? "connected" : "away";
  const seen = lastSeenMs === 0 ? "never" : `${age(nowMs - lastSeenMs)} ago`;
  const refusal = lastRefusal
    ? `last refused: ${lastRefusal.what} ${lastRefusal.code}, ${age(nowMs - lastRefusal.atMs)} ago`
    : "";
  const columns = [`${client}@${tenant}`, state, `seen ${seen}`, `${perSecond}/s`, refusal];
  return columns.join("\t").trimEnd();
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

export interface TopicsFlags extends AdminFlags {
  readonly delete?: true;
  readonly config?: string;
  readonly force?: true;
}

/** Lists the orphaned topics, and deletes them if that is asked for. Throws CONFLICT where they may be another bridge's. */
export async function orphanedTopics(flags: TopicsFlags): Promise<void> {
  const { orphans, strangers } = await ask(flags, "/topics/orphaned", orphansSchema);
  for (const { topic, partitions } of orphans) {
    if (flags.json) printJson({ topic, partitions });
    else printLine(topic);
  }
  if (orphans.length === 0) printNote("no orphaned topics");
  if (!flags.delete || orphans.length === 0) return;
  if (strangers > 0 && !flags.force)
    throw new VeilError(
      "CONFLICT",
      `${strangers} internal topic(s) in this Kafka are of tenants that the bridge does not know`,
      {
        hint: "their topics look orphaned from here: ask a bridge that has all tenants, or --force",
      },
    );
  if (flags.config === undefined)
    throw new VeilError("CONFIG", "--delete needs --config, to log in to Kafka");
  await deleteTopics(
    flags.config,
    orphans.map(({ topic }) => topic),
  );
}

async function deleteTopics(configFile: string, topics: readonly string[]): Promise<void> {
  const config = await loadBridgeConfig(configFile);
  const log = createLog("bridge", "warn");
  const secrets = await readLogins(config);
  const { zookeeper, brokers, leaders, admin } = buildCluster({ config, log, secrets });
  try {
    await zookeeper.start();
    await brokers.start();
    let deleted = 0;
    for (const topic of topics) if (await admin.deleteTopic(topic)) deleted++;
    printNote(`${deleted} topic(s) deleted`);
  } finally {
    await Promise.all([admin.stop(), leaders.stop()]);
    await brokers.stop();
    await zookeeper.stop();
  }
}

async function ask<S extends z.ZodType>(
  { admin, ca }: AdminFlags,
  path: string,
  schema: S,
): Promise<z.output<S>> {
  const authority = ca === undefined ? undefined : (await readGivenFile(ca)).toString("utf8");
  const http = new HttpClient({ baseUrl: admin, ca: authority });
  try {
    return await http.get(path, schema).catch((cause: unknown) => {
      if (!isVeilError(cause, "UNAVAILABLE")) throw cause;
      throw new VeilError("UNAVAILABLE", `${admin}: ${cause.message}`, {
        hint: "does the bridge run? --admin is the address of `admin` in its bridge.yaml",
        cause,
      });
    });
  } finally {
    await http.stop();
  }
}
