/** `npm run bench -- kms`: a fleet of the owner's, enrolled from a list, verified, and told of new keys. */
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { ModulusBits } from "../../../core/scheme/rsa/modulus.ts";
import { readEnrolList } from "../../../kms/enrol-list.ts";
import { enrolMany } from "../../../kms/enrol-many.ts";
import { initTenant } from "../../../kms/init.ts";
import type { KeyRequest } from "../../../kms/master-key.ts";
import { rotate } from "../../../kms/rotate.ts";
import { type Tenant, withTenant } from "../../../kms/tenant.ts";
import { verifyTenant } from "../../../kms/verify/verify.ts";
import type { Benchmark, BenchmarkContext } from "../framework/benchmark.ts";
import { publishedPrimes } from "../scheme/masters.ts";

const FULL = { p256: 10_000, rsa: 500, bits: 3072 } as const;
const QUICK = { p256: 20, rsa: 4, bits: 2048 } as const;
/** One client in so many reads what the others publish. */
const READERS = 10;
/** log2 of scrypt's N: a second or two of it in every command would hide what is measured. */
const CHEAP_SCRYPT = 4;
const PASSPHRASE = "of a benchmark, which keeps nothing";

type Row = readonly [what: string, clients: number, seconds: number, perSecond: number];

export const kmsBenchmark: Benchmark = {
  name: "kms",
  summary: "a fleet of 10,000: enrolled from a list, verified, told of new keys",
  async run(context) {
    const { p256, rsa, bits } = context.quick ? QUICK : FULL;
    const rows = [
      ...(await measureFleet(context, { name: "p256", clients: p256, keys: { suite: "p256" } })),
      ...(await measureFleet(context, {
        name: `rsa-${bits}`,
        clients: rsa,
        keys: { suite: "rsa", bits },
      })),
    ];
    return {
      summary:
        "The owner's tool on its own machine, as `veilmq kms` runs it: `enrol --csv` with one topic a client, one in ten of " +
        "them a consumer of it; `verify`, which looks at every file; `rotate`, which makes new documents and a sealed mail " +
        "for each. Every file is on disk (fsync) before the next batch begins. By the clock: what else runs on the machine " +
        "is in it. The search for primes is not, and scrypt is cheap.",
      sections: [
        {
          heading: "A fleet",
          table: { columns: ["", "clients", "time, s", "clients a second"], rows },
        },
      ],
    };
  },
};

async function measureFleet(
  context: BenchmarkContext,
  { name, clients, keys }: { name: string; clients: number; keys: KeyRequest },
): Promise<Row[]> {
  const { folder, signal } = context;
  const owner = { dir: join(folder, name), tenant: "bench", passphrase: PASSPHRASE };
  const recipients = [await identityToRecipient(await generateX25519Identity())];
  const cheap = { scryptWorkFactor: CHEAP_SCRYPT, signal };
  await initTenant({ ...owner, ...cheap, ...(await knownPrimes(keys)), recipients });

  const measured: Row[] = [];
  async function time(what: string, work: (tenant: Tenant, done: () => void) => Promise<unknown>) {
    const advance = context.progress(`${what}, ${name}`, clients);
    const seconds = await withTenant(owner, async (tenant) => {
      const startedMs = performance.now();
      await work(tenant, advance);
      return (performance.now() - startedMs) / 1_000;
    });
    measured.push([`${what}, ${name}`, clients, seconds, clients / seconds]);
  }

  const list = readEnrolList(csvOf(clients));
  await time("enrol --csv", (tenant, done) => enrolMany(tenant, { list, onProgress: done }));
  await time("verify", (tenant) => verifyTenant(tenant));
  const change = { ...cheap, passphrase: PASSPHRASE, ...(await knownPrimes(keys)) };
  await time("rotate", (tenant, done) => rotate(tenant, { ...change, onClients: done }));
  return measured;
}

/** Known primes protect nothing, and spare minutes of searching. */
async function knownPrimes(keys: KeyRequest): Promise<KeyRequest> {
  const bits: ModulusBits | undefined = keys.bits;
  return bits === undefined ? keys : { ...keys, primes: await publishedPrimes(bits) };
}

function csvOf(clients: number): string {
  const rows = Array.from({ length: clients }, (_, n) => {
    const topic = `plant/${Math.floor(n / READERS)}/temperature`;
    return n % READERS === 0 ? `client-${n},,${topic}` : `client-${n},${topic},`;
  });
  return ["client,publish,subscribe", ...rows, ""].join("\n");
}
