/**
 * Attack: old documents put back.
 * Holds: who can write to ZooKeeper; every document was truly signed once.
 * Does: puts a revoked client's last enrolment back; or an older certificate, grants, head.
 * Gets: where a signature is all that counts, the revoked client works again.
 * VeilMQ: a bridge keeps for each path the serial and digest that it accepted (the floor), in its own compacted topic
 *   in Kafka, sealed, and reads them before it serves: a lower serial is refused, and the same with other bytes.
 * The limit: ZooKeeper and Kafka rolled back together: shown below. In ZooKeeper itself: test/stack/bridge/directory.test.ts.
 * PROTOCOL.md §4 (A signed document), §1.
 */
import { expect, onTestFinished, test } from "vitest";
import { Clients } from "../../bridge/directory/clients.ts";
import { type OpenedDocument, openClientDocument } from "../../bridge/directory/documents.ts";
import { Floors } from "../../bridge/directory/floors.ts";
import type { TopicEntry } from "../../bridge/store/topic-entry.ts";
import { parseDocumentPath } from "../../core/wire/directory.ts";
import { InternalStore } from "../../core/wire/store.ts";
import { silentLog } from "../support/kafka.ts";
import { type Placed, TestTenant } from "../support/signed-tenant.ts";

const tenant = new TestTenant("acme");
const ENROLLED = open(tenant.enrolment("pump", 1));
const REVOKED = open(tenant.enrolment("pump", 2, { status: "revoked" }));
const rolledBack = expect.objectContaining({ code: "ROLLED_BACK" });

function open({ path, document }: Placed): OpenedDocument {
  const place = parseDocumentPath(path);
  if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's");
  const { kmsPublicKey, bridgeKey } = tenant;
  return openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
}

/** A bridge's floors over what Kafka holds. */
function floorsOn(kafka: TopicEntry[]): Floors {
  const store = new InternalStore(tenant.bridgeKey);
  const topic = { append: async (entry: TopicEntry) => void kafka.push(entry) };
  const floors = new Floors({ store, topic, log: silentLog });
  onTestFinished(() => floors.stop());
  for (const entry of kafka) floors.read(entry);
  return floors;
}

async function accept(floors: Floors, opened: OpenedDocument): Promise<void> {
  floors.check(opened);
  floors.raise(opened);
  await floors.record([opened.path]);
}

test("without floors the revoked client is back", () => {
  const clients = new Clients("acme");
  for (const document of [ENROLLED, REVOKED, ENROLLED]) clients.apply(document);
  expect(clients.get("pump")?.status).toBe("active");
});

test("ours: the old enrolment is refused, also after a restart and by another bridge", async () => {
  const kafka: TopicEntry[] = [];
  const floors = floorsOn(kafka);
  await accept(floors, ENROLLED);
  await accept(floors, REVOKED);
  expect(() => floors.check(ENROLLED)).toThrow(rolledBack);
  expect(() => floorsOn(kafka).check(ENROLLED)).toThrow(rolledBack);
});

test("ours: another document of the same serial is refused", async () => {
  const floors = floorsOn([]);
  await accept(floors, REVOKED);
  expect(() => floors.check(open(tenant.enrolment("pump", 2)))).toThrow(rolledBack);
});

test("ours: who cannot seal under K_b forges no floor either, and locks nobody out", () => {
  const foreign = new InternalStore(Buffer.alloc(32, 1));
  const key = foreign.entryKey(2, Buffer.from(ENROLLED.path));
  const value = foreign.seal(key, Buffer.alloc(60, 0xff), (length) => Buffer.alloc(length));
  expect(() => floorsOn([{ key, value }]).check(ENROLLED)).not.toThrow();
});

test("the limit: Kafka rolled back with ZooKeeper, and a bridge that was not running, take it", async () => {
  const kafka: TopicEntry[] = [];
  const floors = floorsOn(kafka);
  await accept(floors, ENROLLED);
  const snapshot = [...kafka];
  await accept(floors, REVOKED);
  expect(() => floorsOn(snapshot).check(ENROLLED)).not.toThrow();
});
