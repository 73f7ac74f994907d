/**
 * The report's enc_match (Listing 7), beside an unmodified ZooKeeper: the report built it into the server, and asked on
 * the server's own socket; here it has a socket of its own and asks ZooKeeper as a client. It alone has EI2 and EJ2.
 *
 * `GET /enc_match/<trapdoor>` → `{"topic_name":…,"brokerAddress":"host:port"}` or `Topic not found`, as text.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { z } from "zod";
import { BrokerList } from "../../bridge/brokers/broker-list.ts";
import { TopicLeaders } from "../../bridge/brokers/topic-leaders.ts";
import { EXIT, type ExitCode } from "../../cli/exit-codes.ts";
import { printLine } from "../../cli/messages.ts";
import { VeilError } from "../../core/errors.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import { closeServer } from "../../core/runtime/close-server.ts";
import { aborted } from "../../core/runtime/lifecycle.ts";
import { createLog } from "../../core/runtime/log.ts";
import { encMatch, encMatchAnswer } from "../../core/scheme/paper/proxy.ts";
import { zooKeeperAt } from "./clients.ts";
import { play } from "./play.ts";

const TOPICS_PATH = "/brokers/topics";
const HOST = "127.0.0.1";
const READ_TIMEOUT_MS = 10_000;
const MAX_TOPICS = 16;

const optionsSchema = z.object({ zookeeper: z.string() });
export type MatchRole = z.infer<typeof optionsSchema>;

const log = createLog("match", "warn");

async function serve(options: MatchRole, signal: AbortSignal): Promise<ExitCode> {
  const zookeeper = zooKeeperAt(options.zookeeper, log);
  const timing = { firstReadTimeoutMs: READ_TIMEOUT_MS };
  const brokers = new BrokerList({ zookeeper, log, ...timing });
  const leaders = new TopicLeaders({ zookeeper, brokers, log, maxTopics: MAX_TOPICS, ...timing });
  await zookeeper.start();
  await brokers.start();
  const server = createServer((request, response) => {
    answer(request.url ?? "", zookeeper, leaders).then(
      (text) => {
        printLine(text);
        response.end(text);
      },
      (error: unknown) => {
        log.error({ err: error }, "cannot match");
        response.writeHead(503).end();
      },
    );
  });
  server.listen(0, HOST);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new VeilError("INTERNAL", "the match server has no port");
  printLine(`Matching on ${HOST}:${address.port}`);
  await aborted(signal);
  await closeServer(server);
  await leaders.stop();
  await brokers.stop();
  await zookeeper.stop();
  return EXIT.OK;
}

/** Scans all topics there are, each time. `path`: Listing 7 itself cuts off what stands before the trapdoor. */
async function answer(path: string, zookeeper: ZooKeeper, leaders: TopicLeaders): Promise<string> {
  const topicName = encMatch(path, (await zookeeper.children(TOPICS_PATH)) ?? []);
  if (topicName === null) return encMatchAnswer(null);
  const [first] = (await leaders.leaders(topicName)) ?? [];
  if (!first?.leader) throw new VeilError("UNAVAILABLE", "the first partition has no leader");
  return encMatchAnswer({ topicName, brokerAddress: first.leader });
}

await play(optionsSchema, serve);
