/**
 * A broker's registration, `/brokers/ids/<id>` in ZooKeeper, as Kafka writes it: JSON with `endpoints` such as
 * `PLAINTEXT://host:9092` and, since its version 4, the protocol of each listener. `host` and `port` beside them
 * are null and -1 for any protocol but PLAINTEXT, and not read here.
 */
import { z } from "zod";

export const SECURITY_PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] as const;
export type SecurityProtocol = (typeof SECURITY_PROTOCOLS)[number];

/** Which of a broker's endpoints to use: the listener of that name, or the first with that security protocol. */
export type EndpointChoice =
  | { readonly listener: string }
  | { readonly securityProtocol: SecurityProtocol };

/** `host:port`, or why there is none. */
export type Endpoint =
  | { readonly address: string }
  | { readonly problem: "unreadable" | "no such listener" | "IPv6 literal" };

const REGISTRATION = z.object({
  endpoints: z.array(z.string()),
  listener_security_protocol_map: z.record(z.string(), z.string()).optional(),
});

const ENDPOINT = /^(?<listener>[A-Za-z0-9._-]+):\/\/(?<host>[^/]*):(?<port>\d{1,5})$/;
const HOST = /^[A-Za-z0-9._-]+$/;

/** The endpoint of a registration. kafkajs splits an address at its colon: IPv6 literals are a problem. */
export function endpointOf(data: Buffer, choice: EndpointChoice): Endpoint {
  const registration = parse(data);
  if (!registration) return { problem: "unreadable" };
  // Before version 4 a listener was named after its protocol.
  const protocols = registration.listener_security_protocol_map ?? {};
  let problem: "no such listener" | "IPv6 literal" = "no such listener";
  for (const endpoint of registration.endpoints) {
    const { listener, host, port } = ENDPOINT.exec(endpoint)?.groups ?? {};
    if (listener === undefined || host === undefined) continue;
    const wanted =
      "listener" in choice
        ? listener === choice.listener
        : (protocols[listener] ?? listener) === choice.securityProtocol;
    if (wanted && HOST.test(host)) return { address: `${host}:${port}` };
    if (wanted) problem = "IPv6 literal";
  }
  return { problem };
}

/** `undefined` for anything but a registration. */
function parse(data: Buffer): z.infer<typeof REGISTRATION> | undefined {
  try {
    return REGISTRATION.safeParse(JSON.parse(data.toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
