/** Enrols two clients again and again until it is killed, a line each: dir, tenant and passphrase are its arguments. */
import { enrol } from "../../dist/kms/enrol.js";
import { withTenant } from "../../dist/kms/tenant.js";

const [dir, tenant, passphrase] = process.argv.slice(2);
await withTenant({ dir, tenant, passphrase }, async (opened) => {
  for (let round = 0; ; round++) {
    const client = `pi-${round % 2}`;
    await enrol(opened, { client, publish: ["a/b"], subscribe: [], again: true });
    process.stdout.write("enrolled\n");
  }
});
