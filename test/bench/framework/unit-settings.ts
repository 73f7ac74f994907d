/** How the package's units run Node: a benchmark measures what an installation has. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFile } from "../../../core/runtime/package.ts";
import type { NodeSettings } from "../../../demo/veilmq.ts";
import { hostArchitecture } from "../../../packaging/architecture.ts";
import { bundle } from "../../../packaging/bundle.ts";

/**
 * Of a file in systemd/: NODE_FLAGS and what the C library is told. Throws where one is missing. Nothing of the caller's environment
 * but PATH comes with them, as systemd gives nothing else: Node parses what NODE_EXTRA_CA_CERTS names at every start, 55 ms
 * of the processor.
 */
export async function unitSettings(file: string): Promise<NodeSettings> {
  const text = await readFile(packageFile("systemd", file), "utf8");
  const flags = /NODE_FLAGS="?([^"\n]+)"/.exec(text)?.[1];
  const ofLibrary = [...text.matchAll(/(MALLOC_\w+|GLIBC_TUNABLES)=(\S+)/g)].map(
    ([, name, value]) => [name, value],
  );
  if (flags === undefined || ofLibrary.length === 0) throw new Error(`${file} has no settings`);
  return {
    flags: flags.split(" "),
    env: { PATH: process.env["PATH"] ?? "", ...Object.fromEntries(ofLibrary) },
  };
}

/** As `unitSettings`, of the program that the package installs: it is bundled, as in `bundle`. */
export async function installed(
  file: string,
  folder: string,
  besides?: Readonly<Record<string, string>>,
): Promise<NodeSettings & { readonly program: string }> {
  await bundle(folder, hostArchitecture(), besides);
  return { ...(await unitSettings(file)), program: join(folder, "cli", "main.js") };
}
