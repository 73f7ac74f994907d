/** Enrols a fleet again and again until it is killed, a line each: dir, tenant and passphrase are its arguments. */
import { readEnrolList } from "../../dist/kms/enrol-list.js";
import { enrolMany } from "../../dist/kms/enrol-many.js";
import { withTenant } from "../../dist/kms/tenant.js";

const [dir, tenant, passphrase] = process.argv.slice(2);
await withTenant({ dir, tenant, passphrase }, async (opened) => {
  const rows = Array.from({ length: 12 }, (_, index) => `pi-${index},site/${index}`);
  const list = readEnrolList(["client,publish", ...rows].join("\n"));
  for (;;) {
    await enrolMany(opened, { list, again: true });
    process.stdout.write("enrolled\n");
  }
});
