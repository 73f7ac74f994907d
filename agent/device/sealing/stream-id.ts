/**
 * The outbox's name for the entries of one topic and epoch:
 * `SHA-256("VEILMQ-V01-stream\0" ‖ ctx(tenant, epoch, topic))[0..16]`.
 * Known to this device only; it keeps topic names off the disk.
 */
import { join, sha256 } from "../../../core/scheme/bytes.ts";
import { context, type Realm } from "../../../core/scheme/context.ts";
import { STREAM_BYTES, type StreamId } from "../outbox/entry.ts";

export function streamIdOf(realm: Realm, topic: string): StreamId {
  const digest = sha256(join("VEILMQ-V01-stream\0", context(realm, topic)));
  return digest.subarray(0, STREAM_BYTES).toString("hex");
}
