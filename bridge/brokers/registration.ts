/**
 * A broker's registration, `/brokers/ids/<id>` in ZooKeeper, as Kafka writes it: JSON with `endpoints` such as
 * `PLAINTEXT://host:9092` and, since its version 4, the protocol of each listener. `host` and `port` beside them
 * are null and -1 for any protocol but PLAINTEXT, and not read here.
 */
import { z } from "zod";
import type { SecurityProtocol } from "../../core/ports/kafka/security.ts";

/** Which of a broker's endpoints to use: the first with that security protocol, of the listener of that name if one is given. */
export interface EndpointChoice {
  readonly listener?: string | undefined;
  readonly securityProtocol: SecurityProtocol;
}

/** `host:port`, or why there is none. */
export type Endpoint = { readonly address: string } | { readonly problem: EndpointProblem };
export type EndpointProblem =
  | "unreadable"
  | "no such listener"
  | "another security protocol"
  | "IPv6 literal";

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
  let problem: EndpointProblem = "no such listener";
  for (const endpoint of registration.endpoints) {
    const { listener, host, port } = ENDPOINT.exec(endpoint)?.groups ?? {};
    if (listener === undefined || host === undefined) continue;
    if (choice.listener !== undefined && listener !== choice.listener) continue;
    // A listener that was asked for by a name of its own, in a registration without a map, is taken at its word.
    const unknown = choice.listener === undefined ? listener : choice.securityProtocol;
    if ((protocols[listener] ?? unknown) === choice.securityProtocol) {
      if (HOST.test(host)) return { address: `${host}:${port}` };
      problem = "IPv6 literal";
    } else if (choice.listener !== undefined) problem = "another security protocol";
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
