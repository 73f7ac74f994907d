/** A device's and a consumer's session at one bridge, no more of it than it takes to be cut off. */
import { once } from "node:events";
import { connect } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";
import { isVeilError, VeilError } from "../../../core/errors.ts";
import { HttpClient } from "../../../core/ports/http/client.ts";
import { pause } from "../../../core/runtime/backoff.ts";
import { brokersResponseSchema } from "../../../core/wire/http.ts";
import { formatLogin } from "../../../core/wire/login.ts";
import type { DemoBridge } from "../../../demo/demo-bridge.ts";
import type { TestDevice } from "../../support/tenant.ts";

const KEEPALIVE_S = 60;
const DEADLINE_MS = 10_000;
const AGAIN_MS = 20;
/** A consumer finds out at its next question; this is how exactly it is known. */
const ASK_MS = 10;

export interface Session {
  /** Resolves when the bridge has cut it off, with the time of that (`performance.now`). */
  cutOff(signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

/** An MQTT connection; it ends when the bridge closes it. Waits for a bridge that does not know the client yet. */
export async function openDevice(bridge: DemoBridge, device: TestDevice): Promise<Session> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const session = await tryDevice(bridge, device);
    if (session) return session;
    if (performance.now() > deadline) throw notKnown();
    await pause(AGAIN_MS, AbortSignal.timeout(DEADLINE_MS));
  }
}

/** `null`: the bridge turned it away. */
async function tryDevice(bridge: DemoBridge, { credential }: TestDevice): Promise<Session | null> {
  const login = formatLogin(credential);
  const socket = connect({ host: "127.0.0.1", port: bridge.mqttPort, noDelay: true });
  socket.on("error", () => undefined);
  const closed = once(socket, "close").then(() => performance.now());
  const packets = parser({ protocolVersion: 4 });
  const answered: Promise<[Packet]> = new Promise((resolve) =>
    packets.once("packet", (packet) => resolve([packet])),
  );
  socket.on("data", (chunk) => packets.parse(chunk));
  socket.write(
    generate({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId: login,
      username: login,
      password: Buffer.from(credential.secret.toString("base64url")),
      keepalive: KEEPALIVE_S,
    }),
  );
  const answer = await Promise.race([answered, closed]);
  if (typeof answer === "number" || answer[0].cmd !== "connack" || answer[0].returnCode !== 0) {
    socket.destroy();
    return null;
  }
  return {
    cutOff: () => closed,
    close: async () => {
      socket.destroy();
    },
  };
}

/** Asks again and again, as a consumer that fetches keys does; cut off at the first answer that says so. */
export async function openConsumer(
  bridge: DemoBridge,
  { credential }: TestDevice,
): Promise<Session> {
  const login = {
    user: formatLogin(credential),
    password: credential.secret.toString("base64url"),
  };
  const http = new HttpClient({ baseUrl: bridge.url, login });
  const isServed = async (): Promise<boolean> => {
    try {
      await http.get("/v1/brokers", brokersResponseSchema);
      return true;
    } catch (error) {
      if (isVeilError(error, "REVOKED") || isVeilError(error, "AUTH")) return false;
      throw error;
    }
  };
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isServed())) {
    if (performance.now() > deadline) throw notKnown();
    await pause(AGAIN_MS, AbortSignal.timeout(DEADLINE_MS));
  }
  return {
    cutOff: async (signal) => {
      while (await isServed()) await pause(ASK_MS, signal);
      return performance.now();
    },
    close: () => http.stop(),
  };
}

function notKnown(): VeilError {
  return new VeilError("TIMEOUT", "the bridge does not know the client");
}
