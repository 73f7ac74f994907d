/** What hostile clients do over HTTP. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { pause } from "../../../core/runtime/backoff.ts";
import { open, overAndOver, pour, settled, trickle } from "./sockets.ts";
import type { Attack, Insider, Target } from "./target.ts";

const STRANGERS = 5;
const SLOW = 500;
const TOKEN_BYTES = 33;
const KIDS = 256;
const KID_BYTES = 16;
const IMPORT_BYTES = 2 ** 20;
const TOPIC = `veil-${"a".repeat(52)}`;

function request(path: string, body: string, insider?: Insider): Buffer {
  const basic = insider && Buffer.from(`${insider.login}:${insider.password}`).toString("base64");
  const head = [
    `POST ${path} HTTP/1.1`,
    "host: bridge",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    ...(basic ? [`authorization: Basic ${basic}`] : []),
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** On a few connections that stay, one request behind the other. */
function flood(make: (target: Target) => Buffer) {
  return async (target: Target, signal: AbortSignal): Promise<void> => {
    const attack = async (): Promise<void> => {
      while (!signal.aborted) {
        const socket: Socket = open(target.httpPort);
        socket.resume();
        await settled(socket, "connect", signal);
        await pour(socket, make(target), signal);
        socket.destroy();
        await pause(1, signal);
      }
    };
    await Promise.all(Array.from({ length: STRANGERS }, attack));
  };
}

function many(make: () => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: 20 }, make));
}

export const HTTP_ATTACKS: readonly Attack[] = [
  {
    name: "wrong trapdoors",
    summary:
      "an enrolled client asks on 5 connections for topics with random trapdoors, without a pause",
    run: flood(({ epoch, insiders: [insider] }) =>
      many(() => {
        const trapdoor = randomBytes(TOKEN_BYTES).toString("base64url");
        return request("/v1/match", JSON.stringify({ epoch, trapdoor }), insider);
      }),
    ),
  },
  {
    name: "keys of nobody",
    summary:
      "an enrolled client asks on 5 connections for 256 keys that nobody made, without a pause",
    run: flood(({ insiders: [insider] }) =>
      many(() => {
        const kids = Array.from({ length: KIDS }, () =>
          randomBytes(KID_BYTES).toString("base64url"),
        );
        return request("/v1/keys", JSON.stringify({ topic_name: TOPIC, kids }), insider);
      }),
    ),
  },
  {
    name: "slow bodies",
    summary: `a stranger begins ${SLOW} imports and sends a byte a second`,
    run: ({ httpPort: port }, signal) =>
      trickle({ port, count: SLOW, words: request("/v1/import", " ".repeat(1000)) }, signal),
  },
  {
    name: "nonsense to import",
    summary: "a stranger brings, on 5 connections, a bundle of 1 MiB that is none, over and over",
    run: ({ httpPort: port }, signal) => {
      const words = request("/v1/import", JSON.stringify({ documents: "x".repeat(IMPORT_BYTES) }));
      return overAndOver({ port, count: STRANGERS, words: () => words }, signal);
    },
  },
  {
    name: "HTTP without a login",
    summary: "a stranger asks on 5 connections for what needs a login, without a pause",
    run: flood(() => many(() => request("/v1/match", "{}"))),
  },
];
