/**
 * Attack: a chunk of grants that had fallen away comes back.
 * Holds: who can write to ZooKeeper, or only delay it; or nobody, where an import is cut off at the wrong moment.
 * Does: a client had more than 2,000 grants, in chunks g0 and g1. With fewer, a naive KMS signs a new enrolment and g0;
 *   g1 stays in ZooKeeper, out of force. When the client has more than 2,000 again, the new enrolment counts two
 *   chunks, and until the new g1 arrives every other bridge finds the old one: truly signed, at its floor.
 * Gets: topics that were taken from the client meanwhile, for as long as the new g1 is held back.
 * VeilMQ: a chunk never falls away: `kms` signs it once more, empty, and its floor keeps the old one out (the last test;
 *   kms/documents.ts, test/kms).
 * PROTOCOL.md §4 (grants in chunks; a lower serial is refused).
 */
import { expect, onTestFinished, test } from "vitest";
import { Clients } from "../../bridge/directory/clients.ts";
import { openClientDocument } from "../../bridge/directory/documents.ts";
import { Floors } from "../../bridge/directory/floors.ts";
import { parseDocumentPath } from "../../core/wire/directory.ts";
import { InternalStore } from "../../core/wire/store.ts";
import { silentLog } from "../support/kafka.ts";
import { type Placed, TestTenant } from "../support/signed-tenant.ts";

const tenant = new TestTenant("acme");
const KEPT = Buffer.alloc(32, 1);
const TAKEN_AWAY = Buffer.alloc(32, 2);

/** One bridge: what it finds in ZooKeeper it judges as production does. */
class Bridge {
  readonly #clients = new Clients(tenant.name);
  readonly #floors: Floors;

  constructor() {
    const store = new InternalStore(tenant.bridgeKey);
    this.#floors = new Floors({ store, topic: { append: async () => undefined }, log: silentLog });
    onTestFinished(() => this.#floors.stop());
  }

  find({ path, document }: Placed): void {
    const place = parseDocumentPath(path);
    if (place.kind === "head" || place.kind === "mail") throw new Error("not a client's");
    const { kmsPublicKey, bridgeKey } = tenant;
    const opened = openClientDocument({ path, place, document, kmsPublicKey, bridgeKey });
    this.#floors.check(opened);
    this.#floors.raise(opened);
    this.#clients.apply(opened);
  }

  mayRead(tag: Buffer): boolean {
    return this.#clients.get("reader")?.grants.has(tag.toString("hex")) ?? false;
  }
}

const OLD_CHUNK = tenant.grants("reader", 1, [{ tag: TAKEN_AWAY }], { chunk: 1 });

/** A bridge that saw two chunks, and then one. */
function bridgeAfterwards(): Bridge {
  const bridge = new Bridge();
  bridge.find(tenant.enrolment("reader", 1, { chunks: 2 }));
  bridge.find(tenant.grants("reader", 1, [{ tag: KEPT }]));
  bridge.find(OLD_CHUNK);
  bridge.find(tenant.enrolment("reader", 2, { chunks: 1 }));
  bridge.find(tenant.grants("reader", 2, [{ tag: KEPT }]));
  return bridge;
}

test("what is taken away is taken away, while there is one chunk", () => {
  const bridge = bridgeAfterwards();
  expect([bridge.mayRead(KEPT), bridge.mayRead(TAKEN_AWAY)]).toEqual([true, false]);
  bridge.find(OLD_CHUNK);
  expect(bridge.mayRead(TAKEN_AWAY)).toBe(false);
});

test("a naive KMS: with two chunks again the old one counts, until the new one is there", () => {
  const bridge = bridgeAfterwards();
  bridge.find(tenant.enrolment("reader", 3, { chunks: 2 }));
  bridge.find(OLD_CHUNK);
  expect(bridge.mayRead(TAKEN_AWAY)).toBe(true);
  bridge.find(tenant.grants("reader", 3, [{ tag: Buffer.alloc(32, 3) }], { chunk: 1 }));
  expect(bridge.mayRead(TAKEN_AWAY)).toBe(false);
});

test("ours: the chunk that would fall away, signed once more and empty, keeps the old one out", () => {
  const bridge = bridgeAfterwards();
  bridge.find(tenant.grants("reader", 2, [], { chunk: 1 }));
  bridge.find(tenant.enrolment("reader", 3, { chunks: 2 }));
  expect(() => bridge.find(OLD_CHUNK)).toThrow(expect.objectContaining({ code: "ROLLED_BACK" }));
  expect(bridge.mayRead(TAKEN_AWAY)).toBe(false);
});
