/** What the library calls back with, as a VeilError. Library errors hold no path: these do not either. */
import { Exception } from "node-zookeeper-client";
import { type ErrorCode, VeilError } from "../../errors.ts";

const FAILURES = new Map<number, readonly [ErrorCode, string]>([
  [Exception.CONNECTION_LOSS, ["UNAVAILABLE", "the connection to ZooKeeper was lost"]],
  [Exception.SESSION_EXPIRED, ["UNAVAILABLE", "the session with ZooKeeper expired"]],
  [Exception.OPERATION_TIMEOUT, ["TIMEOUT", "ZooKeeper gave up on the request"]],
  [Exception.NO_NODE, ["NOT_FOUND", "no such node in ZooKeeper"]],
  [Exception.NO_AUTH, ["AUTH", "ZooKeeper does not allow this"]],
  [Exception.AUTH_FAILED, ["AUTH", "ZooKeeper refused the credential"]],
  [Exception.INVALID_ACL, ["AUTH", "ZooKeeper refused the access list"]],
  [Exception.BAD_VERSION, ["CONFLICT", "the node in ZooKeeper has changed meanwhile"]],
  [Exception.NODE_EXISTS, ["CONFLICT", "the node is already in ZooKeeper"]],
  [Exception.NOT_EMPTY, ["BAD_ARGUMENT", "the node in ZooKeeper has children"]],
  [Exception.BAD_ARGUMENTS, ["BAD_ARGUMENT", "ZooKeeper refused the arguments"]],
]);

/** The VeilError for an error that the library gave to a callback. */
export function toVeilError(cause: unknown): VeilError {
  if (cause instanceof VeilError) return cause;
  const known = cause instanceof Exception ? FAILURES.get(cause.getCode()) : undefined;
  const [code, message] = known ?? ["INTERNAL", "a request to ZooKeeper failed"];
  return new VeilError(code, message, { cause });
}
