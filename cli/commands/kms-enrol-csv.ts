/** `veilmq kms enrol --csv`. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { VeilError } from "../../core/errors.ts";
import { readGivenFile } from "../../core/runtime/files.ts";
import { cannotRead } from "../../core/runtime/why-not.ts";
import type { EnrolledMany } from "../../kms/enrol-many.ts";
import { type AddressFlags, readAddresses } from "../bridge-addresses.ts";
import { printJson, printLine } from "../messages.ts";
import { type PostFlags, postIfAsked, type TenantFlags, tenantOf } from "../tenant-options.ts";
import { fleetProgress } from "./kms-progress.ts";

const MAX_FILE_BYTES = 256 * 2 ** 20;
/** A bar from here on: with large keys some hundred clients take seconds. */
const MIN_SHOWN = 100;

export interface EnrolCsvFlags extends TenantFlags, PostFlags, AddressFlags {
  readonly csv: string;
  readonly separator: string;
  readonly skipEnrolled?: true;
  readonly again?: true;
  /** A folder here. */
  readonly out?: string;
}

export async function enrolFromCsv(flags: EnrolCsvFlags): Promise<void> {
  const { readEnrolList } = await import("../../kms/enrol-list.ts");
  const { withTenant } = await import("../../kms/tenant.ts");
  const { enrolMany } = await import("../../kms/enrol-many.ts");
  const list = readEnrolList(await readText(flags.csv), flags.separator);
  const addresses = await readAddresses(flags);
  const progress = fleetProgress("enrolling clients", MIN_SHOWN);
  const enrolled = await withTenant(await tenantOf(flags), (tenant) =>
    enrolMany(tenant, {
      list,
      addresses,
      again: flags.again ?? false,
      skipEnrolled: flags.skipEnrolled ?? false,
      credentialFolder: flags.out,
      onProgress: progress.onProgress,
    }),
  ).finally(progress.stop);
  const perSecond = rateOf(enrolled);
  if (flags.json) printJson({ ...enrolled, perSecond });
  else for (const line of report(enrolled, perSecond)) printLine(line);
  await postIfAsked(flags, ...enrolled.bundles);
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause, { code: "BAD_ARGUMENT" });
  });
  if (size > MAX_FILE_BYTES)
    throw new VeilError("BAD_ARGUMENT", `${path} is too large`, { hint: "divide it" });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      await readGivenFile(path),
    );
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new VeilError("BAD_ARGUMENT", `${path} is not UTF-8`, { cause });
  }
}

function rateOf({ enrolled, seconds }: EnrolledMany): number {
  return Number((enrolled / seconds).toPrecision(3));
}

function report(
  { enrolled, skipped, seconds, credentials, bundles }: EnrolledMany,
  perSecond: number,
): string[] {
  const first = bundles[0];
  const last = bundles.at(-1);
  return [
    `${enrolled} clients enrolled, ${skipped} left as they were: ${seconds.toFixed(1)} s, ${perSecond} a second`,
    `credentials: ${join(credentials, "/")}`,
    ...(first === undefined ? [] : [`documents:   ${first}`]),
    ...(last === first ? [] : [`        … to ${last}: ${bundles.length} files, in their order`]),
  ];
}
