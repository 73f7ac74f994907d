/** PROTOCOL.md §2.1: the context that every hash of the scheme is bound to. */
import { i2osp, join, lp } from "./bytes.ts";

/** Which tenant and epoch a value belongs to. */
export interface Realm {
  /** `[a-z0-9][a-z0-9._-]{0,63}` */
  readonly tenant: string;
  /** 0 … 2^32−1 */
  readonly epoch: number;
}

/** `ctx(tenant, epoch) = lp(tenant) ‖ I2OSP(epoch, 4)`, and with a topic `… ‖ lp(topic)`. */
export function context(realm: Realm, topic?: string): Buffer {
  const head = join(lp(realm.tenant), i2osp(realm.epoch, 4));
  return topic === undefined ? head : join(head, lp(topic));
}
