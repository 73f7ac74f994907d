/** Rotates again and again until it is killed, a line each: dir, tenant and passphrase are its arguments. */
import { rotate } from "../../dist/kms/rotate.js";
import { withTenant } from "../../dist/kms/tenant.js";

const [dir, tenant, passphrase] = process.argv.slice(2);
for (;;) {
  await withTenant({ dir, tenant, passphrase }, async (opened) => {
    // A year passes each time, so that epochs also end.
    const clock = () => Date.now() + opened.master.epochs.at(-1).epoch * 365 * 24 * 3_600_000;
    await rotate(opened, { passphrase, clock, scryptWorkFactor: 4 });
  });
  process.stdout.write("rotated\n");
}
