/** Writing nodes whose parents may be missing. */
import { isVeilError, VeilError } from "../../errors.ts";
import type { Connection, Deadline } from "./connection.ts";

const EMPTY = Buffer.alloc(0);
/** Creation and deletion by others may cross ours; who crosses it this often is doing something else. */
const MAX_PUT_ATTEMPTS = 5;

/** Creates `path`, and its parents, empty, where they are missing. Throws CONFLICT where it exists. */
export async function createNode(
  connection: Connection,
  path: string,
  data: Uint8Array,
  deadline: Deadline,
): Promise<void> {
  try {
    return await connection.create(path, data, deadline);
  } catch (error) {
    const parent = path.slice(0, path.lastIndexOf("/"));
    if (!isVeilError(error, "NOT_FOUND") || parent === "") throw error;
    await createNode(connection, parent, EMPTY, deadline).catch(unless("CONFLICT"));
  }
  await connection.create(path, data, deadline);
}

/** Sets `path`, or creates it with its parents. */
export async function putNode(
  connection: Connection,
  path: string,
  data: Uint8Array,
  deadline: Deadline,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_PUT_ATTEMPTS; attempt++) {
    try {
      await connection.set(path, data, deadline);
      return;
    } catch (error) {
      if (!isVeilError(error, "NOT_FOUND")) throw error;
    }
    try {
      return await createNode(connection, path, data, deadline);
    } catch (error) {
      if (!isVeilError(error, "CONFLICT")) throw error;
    }
  }
  throw new VeilError("CONFLICT", "somebody else keeps creating and deleting this ZooKeeper node");
}

/** Swallows an error of `code`, rethrows any other. */
function unless(code: "CONFLICT"): (error: unknown) => void {
  return (error) => {
    if (!isVeilError(error, code)) throw error;
  };
}
