/**
 * How long after a document was sent to one of two bridges each of them has cut a client off. Sent, not accepted: the
 * way to the bridge is in it.
 */
import type { DemoBridge } from "../../../demo/demo-bridge.ts";
import type { TestDevice } from "../../support/tenant.ts";
import type { Operator } from "../rig/operator.ts";
import { openConsumer, openDevice, type Session } from "./sessions.ts";

export type Kind = "device" | "consumer";

/** A client with a session at each bridge. */
export interface Connected {
  readonly kind: Kind;
  readonly device: TestDevice;
  /** In the order of the operator's bridges. */
  readonly sessions: readonly Session[];
}

/** Milliseconds from sending the document. */
export interface CutOff {
  readonly kind: Kind;
  /** At the bridge that was given the document. */
  readonly sameMs: number;
  /** At the other one, which ZooKeeper told. */
  readonly otherMs: number;
}

const OPEN: Readonly<Record<Kind, (bridge: DemoBridge, device: TestDevice) => Promise<Session>>> = {
  device: openDevice,
  consumer: openConsumer,
};

/** Enrols `count` clients, devices and consumers by turns, and connects each to both bridges. */
export async function connectClients(operator: Operator, count: number): Promise<Connected[]> {
  const wanted = Array.from({ length: count }, (_, n) => ({
    client: `client-${n + 1}`,
    topics: [`plant/line-${n + 1}`],
  }));
  const devices = await operator.enrol(wanted);
  return Promise.all(
    devices.map(async (device, n): Promise<Connected> => {
      const kind = n % 2 === 0 ? "device" : "consumer";
      const open = OPEN[kind];
      const sessions = await Promise.all(operator.bridges.map((bridge) => open(bridge, device)));
      return { kind, device, sessions };
    }),
  );
}

/** Revokes one client by a document to bridge number `at`. */
export async function revokeOne(
  operator: Operator,
  { kind, device, sessions }: Connected,
  { at, signal }: { at: number; signal: AbortSignal },
): Promise<CutOff> {
  const document = operator.revocation(device);
  const watched = sessions.map((session) => session.cutOff(signal));
  const sentMs = performance.now();
  const imported = operator.import([document], at);
  const atMs = (await Promise.all(watched)).map((cutMs) => cutMs - sentMs);
  await imported;
  await Promise.all(sessions.map((session) => session.close()));
  return { kind, sameMs: atMs[at] ?? Number.NaN, otherMs: atMs[1 - at] ?? Number.NaN };
}
