/** Reading a path and leaving a watch on it, in an order in which no change can slip between the two. */
import { isVeilError } from "../../errors.ts";
import type { Connection, Deadline, ZNode, ZStat } from "./connection.ts";

/** What was read: `null` where there is no such node. */
export interface Reading<T> {
  /** Equal where the content is. */
  readonly identity: string;
  readonly value: T | null;
}

/** Reads `path` and leaves a watch; `undefined` where it is still what `seen` identifies. */
export type Reader<T> = (
  connection: Connection,
  path: string,
  seen: string | undefined,
  deadline: Deadline,
) => Promise<Reading<T> | undefined>;

const MISSING = "";

/** A node's data. The watch comes with `stat`, which leaves one on a missing node too. */
export const readData: Reader<ZNode> = async (connection, path, seen, deadline) => {
  for (;;) {
    const stat = await connection.stat(path, deadline, true);
    if (stat === null) return unlessSeen<ZNode>(seen, { identity: MISSING, value: null });
    if (identityOfData(stat) === seen) return undefined;
    try {
      const node = await connection.get(path, deadline);
      const value = { data: node.data, version: node.stat.version };
      return unlessSeen<ZNode>(seen, { identity: identityOfData(node.stat), value });
    } catch (error) {
      if (!isVeilError(error, "NOT_FOUND")) throw error;
    }
  }
};

/** A node's children. No watch is left where it is missing: then one on its creation. */
export const readChildren: Reader<string[]> = async (connection, path, seen, deadline) => {
  for (;;) {
    try {
      const { names, stat } = await connection.children(path, deadline, true);
      const identity = identityOf(stat.czxid, stat.pzxid);
      return unlessSeen<string[]>(seen, { identity, value: names });
    } catch (error) {
      if (!isVeilError(error, "NOT_FOUND")) throw error;
    }
    const stat = await connection.stat(path, deadline, true);
    if (stat === null) return unlessSeen<string[]>(seen, { identity: MISSING, value: null });
  }
};

/** The time stands beside the transaction: an ensemble set up anew counts transactions from 1 again. */
function identityOfData(stat: ZStat): string {
  return identityOf(stat.mzxid, stat.mtime);
}

/** Eight bytes each. One flat string, since each watch keeps it: a template's is a tree of its parts. */
function identityOf(first: Buffer, second: Buffer): string {
  return Buffer.concat([first, second]).toString("latin1");
}

function unlessSeen<T>(seen: string | undefined, reading: Reading<T>): Reading<T> | undefined {
  return reading.identity === seen ? undefined : reading;
}
