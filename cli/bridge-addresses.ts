/** `--mqtt --http --ca`: where clients find the bridge. */
import { readGivenFile } from "../core/runtime/files.ts";
import type { BridgeAddresses } from "../kms/bridge-settings.ts";

export interface AddressFlags {
  readonly mqtt?: string[];
  readonly http?: string[];
  readonly ca?: string;
}

/** What was given, with the CA's PEM read from its file. */
export async function readAddresses({
  mqtt,
  http,
  ca,
}: AddressFlags): Promise<Partial<BridgeAddresses>> {
  return {
    ...(mqtt === undefined ? {} : { mqtt }),
    ...(http === undefined ? {} : { http }),
    ...(ca === undefined ? {} : { ca: (await readGivenFile(ca)).toString("utf8") }),
  };
}
