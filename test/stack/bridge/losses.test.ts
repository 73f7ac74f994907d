/** What consumers lost, on a real Kafka: all bridges hear of it, also those that start later. */
import { beforeAll, expect, onTestFinished, test } from "vitest";
import type { Loss } from "../../../bridge/rekey/loss.ts";
import { LossTopic } from "../../../bridge/rekey/loss-topic.ts";
import { testAccess, testDirectory } from "../../support/bridge-parts.ts";
import { freshName } from "../../support/cluster.ts";
import { silentLog } from "../../support/kafka.ts";
import { TestTenant, testIdentity } from "../../support/signed-tenant.ts";

let identity: string;
beforeAll(async () => {
  identity = await testIdentity();
});

test("losses that one bridge writes are heard by all, also after a restart", async () => {
  const served = new TestTenant(freshName("t"));
  const { directory } = await testDirectory([served], identity);
  await directory.import([await served.head(identity, 1)]);
  const tenant = directory.tenant(served.name);
  if (!tenant) throw new Error("the tenant is not served");
  const open = () => {
    const heard: Loss[] = [];
    const topic = new LossTopic({
      ...{ tenant, access: testAccess(), log: silentLog },
      onLosses: (losses) => void heard.push(...losses),
    });
    onTestFinished(() => topic.stop());
    topic.start();
    // Those of different consumers come in any order, and what Kafka was slow to confirm comes twice.
    return {
      topic,
      heard: () =>
        [...new Map(heard.map((loss) => [loss.serial, loss])).values()].toSorted(
          (a, b) => a.serial - b.serial,
        ),
    };
  };
  const [one, two] = [open(), open()];
  const losses = ["reader", "other"].map((consumer, n): Loss => {
    const hexTag = Buffer.alloc(32, n).toString("hex");
    return { tenant: tenant.name, consumer, hexTag, serial: 5 + n };
  });
  one.topic.record(losses);
  for (const { heard } of [one, two]) await expect.poll(heard).toEqual(losses);
  const again = losses.slice(0, 1).map((loss) => ({ ...loss, serial: 9 }));
  two.topic.record(again);
  // What is not written yet is written before it stops.
  await two.topic.stop();
  await expect.poll(one.heard).toEqual([...losses, ...again]);
  const { heard } = open();
  await expect.poll(heard).toEqual([...losses, ...again]);
});
