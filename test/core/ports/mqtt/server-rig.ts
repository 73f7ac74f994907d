/** A server under test: who logs in as "secret" is let in, and verdicts are given by the test. */
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { startMqttServer } from "../../../../core/ports/mqtt/server.ts";
import type {
  MqttMessage,
  MqttPublish,
  MqttRefusal,
  MqttServer,
  MqttServerOptions,
  MqttSession,
} from "../../../../core/ports/mqtt/server-types.ts";

export interface Held {
  readonly session: MqttSession;
  /** As it came. */
  readonly message: MqttMessage;
  readonly publish: MqttPublish;
  readonly answer: MqttPublish["answer"];
}

export interface Rig {
  readonly server: MqttServer;
  readonly port: number;
  readonly held: Held[];
  readonly sessions: MqttSession[];
  readonly ready: MqttSession[];
  readonly closed: { clientId: string; reason: string }[];
  readonly refusals: MqttRefusal[];
  readonly log: string[];
}

/** `autoAck`: every publish is acknowledged at once instead of held. */
export async function startRig(
  options: Partial<MqttServerOptions> & { autoAck?: boolean } = {},
): Promise<Rig> {
  const held: Held[] = [];
  const sessions: MqttSession[] = [];
  const ready: MqttSession[] = [];
  const closed: { clientId: string; reason: string }[] = [];
  const refusals: MqttRefusal[] = [];
  const log: string[] = [];
  const server = await startMqttServer({
    host: "127.0.0.1",
    port: 0,
    log: pino({ level: "info" }, { write: (line) => log.push(line) }),
    authenticate: ({ password }) =>
      password === "secret"
        ? { accepted: true }
        : { accepted: false, answer: "badCredentials", reason: "wrong" },
    onConnect: (session) => {
      sessions.push(session);
      return session;
    },
    onReady: (session) => ready.push(session),
    onPublish: (session, publish) => {
      const { topic, payload } = publish;
      const answer: Held["answer"] = (...given) => publish.answer(...given);
      if (options.autoAck) answer("ack");
      else held.push({ session, message: { topic, payload }, publish, answer });
    },
    onClose: ({ clientId }, reason) => closed.push({ clientId, reason }),
    onRefused: (refusal) => refusals.push(refusal),
    ...options,
  });
  onTestFinished(() => server.stop(0));
  return { server, port: server.port, held, sessions, ready, closed, refusals, log };
}
