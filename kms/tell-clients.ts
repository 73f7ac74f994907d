/** Telling a fleet of other epochs: new documents and a mail for each client, made on worker threads. */
import { readBatch, writeBatch } from "./batch-file.ts";
import { commitChange } from "./bundle.ts";
import {
  type ClientRecord,
  checkAbove,
  decodeClientRecord,
  encodeClientRecord,
  knownClient,
  readClient,
  writeClient,
} from "./client-record.ts";
import type { PlacedDocument } from "./documents.ts";
import { commitInTurn, fleetWorkers, GRANT_BYTES, inBatches, inParallel } from "./fleet.ts";
import { encodeMaster } from "./master-file.ts";
import type { Reissue } from "./reissue.ts";
import type { ReissueAnswer, ReissueTask } from "./reissue-worker.ts";
import type { Tenant } from "./tenant.ts";

/** In a bundle, estimated: a client's enrolment and mail, for each epoch. */
const EPOCH_BYTES = 8_000;

/** A client that has still to be told. */
export interface Waiting {
  readonly client: string;
  /** How many it has. */
  readonly topics: number;
  /** It was being told when a command was cut off. */
  readonly again: boolean;
}

interface Told {
  readonly record: ClientRecord;
  readonly documents: readonly PlacedDocument[];
}

/** The active clients that the last change of epochs has not reached, or not for certain. Throws BAD_DOCUMENT. */
export async function waitingClients({ state, master }: Tenant): Promise<Waiting[]> {
  const cutOff = new Set(await readBatch(state, "rotate"));
  const waiting: Waiting[] = [];
  for (const client of await state.clients()) {
    const record = await readClient(state, client);
    const again = cutOff.has(client);
    if (record?.status === "active" && (again || isBehind(record, master)))
      waiting.push({ client, topics: record.topics.length, again });
  }
  return waiting;
}

/** Whether an active client has documents from before the newest change of epochs. */
export function isBehind(
  { status, epochsSerial = 0 }: ClientRecord,
  master: Tenant["master"],
): boolean {
  return status === "active" && epochsSerial < (master.epochsSerial ?? 0);
}

/** Returns the bundles. Cut off at any point, {@link waitingClients} has who is left. Throws ROLLED_BACK. */
export async function tellClients(
  tenant: Tenant,
  waiting: readonly Waiting[],
  onProgress?: (progress: { readonly done: number; readonly of: number }) => void,
): Promise<string[]> {
  const epochs = tenant.master.epochs.length;
  const batches = inBatches(waiting, ({ topics }) => epochs * (EPOCH_BYTES + GRANT_BYTES * topics));
  const workers = fleetWorkers<ReissueTask, ReissueAnswer>("kms/reissue-worker");
  const master = encodeMaster(tenant.master);
  /** Of an earlier cut: they stay written down until their own batch has been committed. */
  const cutOff = new Set(waiting.filter(({ again }) => again).map(({ client }) => client));
  // Who has been revoked since need not be told.
  if ((await readBatch(tenant.state, "rotate")).length > 0)
    await writeBatch(tenant.state, "rotate", [...cutOff]);
  let done = 0;

  async function make(batch: readonly Waiting[]): Promise<Told[]> {
    const first = await tenant.state.takeSerials(batch.length);
    const orders = await inParallel(batch, async ({ client, again }) => {
      return { previous: await knownClient(tenant.state, client), again };
    });
    return await Promise.all(
      orders.map((order, index) => makeOne({ ...order, serial: first + index })),
    );
  }

  async function makeOne({ previous, ...order }: Reissue): Promise<Told> {
    checkAbove(order.serial, previous);
    const task = { ...order, master, previous: encodeClientRecord(previous) };
    const { record, documents } = await workers.run(task);
    onProgress?.({ done: ++done, of: waiting.length });
    return {
      record: decodeClientRecord(record),
      documents: documents.map(({ path, document }) => ({ path, document: Buffer.from(document) })),
    };
  }

  try {
    return await commitInTurn(batches, {
      make,
      commit: (told) => commitBatch(tenant, { told, cutOff }),
    });
  } finally {
    await workers.stop();
  }
}

async function commitBatch(
  tenant: Tenant,
  { told, cutOff }: { readonly told: readonly Told[]; readonly cutOff: Set<string> },
): Promise<string> {
  const { state } = tenant;
  const records = told.map(({ record }) => record);
  for (const { client } of records) cutOff.add(client);
  await writeBatch(state, "rotate", [...cutOff]);
  const bundle = await commitChange(tenant, {
    serial: records[0]?.serial ?? 0,
    label: `rotate-${told.length}-clients`,
    documents: told.flatMap(({ documents }) => documents),
    entries: records.map(({ client, serial }) => ({ op: "rotate" as const, client, serial })),
    keep: async () => {
      await inParallel(records, (record) => writeClient(state, record));
    },
  });
  for (const { client } of records) cutOff.delete(client);
  await writeBatch(state, "rotate", [...cutOff]);
  return bundle;
}
