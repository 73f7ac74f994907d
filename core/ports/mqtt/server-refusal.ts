/** How the server tells an operator of a client that it turned away: each reason with a code and what to do about it. */
import type { ErrorCode } from "../../errors.ts";
import type { MqttRefusal } from "./server-types.ts";

interface Explanation {
  readonly code: ErrorCode;
  readonly hint: string;
}

const NOT_AN_AGENT = "only a `veilmq agent` belongs on this port; something else connects to it";
const TOO_FAST = "the client sends or asks faster than the protocol allows: is it an agent?";

export const EXPLANATIONS: Readonly<Record<MqttRefusal, Explanation>> = {
  handshake: {
    code: "BAD_ARGUMENT",
    hint: "TLS fails: an expired certificate, an authority that the agents do not know, or a port scan",
  },
  "packet-size": {
    code: "TOO_LARGE",
    hint: "no agent sends packets of this size: look at who uses this client's credential",
  },
  malformed: { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  "not-connect": { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  "connect-timeout": {
    code: "TIMEOUT",
    hint: "somebody opens connections and says nothing: a port scan, or a very slow network",
  },
  protocol: { code: "BAD_ARGUMENT", hint: "agents speak MQTT 3.1.1; this client does not" },
  keepalive: { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  will: { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  "unclean-session": { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  login: { code: "AUTH", hint: "who authenticates says why" },
  subscribe: { code: "BAD_ARGUMENT", hint: "readings are read from Kafka: `veilmq consume`" },
  qos: { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  retained: { code: "BAD_ARGUMENT", hint: NOT_AN_AGENT },
  unacknowledged: { code: "LIMIT", hint: TOO_FAST },
  "slow-reader": {
    code: "LIMIT",
    hint: "the client does not read what it is sent: is its network or its machine stuck?",
  },
  "too-many-connections": {
    code: "LIMIT",
    hint: "limits.mqttConnections in bridge.yaml is reached: another bridge, or a higher limit",
  },
  "address-blocked": {
    code: "LIMIT",
    hint: "too many wrong logins from this address: limits.address.failedLoginsPerMinute",
  },
  "address-busy": {
    code: "LIMIT",
    hint: "too many new connections from this address: limits.address in bridge.yaml",
  },
};
