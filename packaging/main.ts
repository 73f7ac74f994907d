/** `npm run bundle` and `npm run deb`, which print the paths of what they made, and the end of `npm run build`. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import { z } from "zod";
import { packageFile } from "../core/runtime/package.ts";
import { ARCHITECTURES, type Architecture, hostArchitecture } from "./architecture.ts";
import { bundle } from "./bundle.ts";
import { buildDeb, sourceEpochS } from "./deb.ts";
import { prune } from "./prune.ts";

const DEFAULT_BUNDLE = packageFile("dist", "bundle");
const DEFAULT_DEBS = packageFile("dist", "deb");

const program = new Command("packaging").description("makes what is installed on devices");

program
  .command("bundle")
  .description("the product as a few files, for one architecture")
  .option("--out <folder>", "emptied first", DEFAULT_BUNDLE)
  .addOption(new Option("--arch <name>", "default: this machine's").choices(ARCHITECTURES))
  .addHelpText("after", "\nExample:\n  npm run bundle -- --arch arm64 --out /tmp/veilmq")
  .action(async ({ out, arch }: { out: string; arch?: Architecture }) => {
    await bundle(out, arch ?? hostArchitecture());
    process.stdout.write(`${join(out, "cli", "main.js")}\n`);
  });

program
  .command("deb")
  .description("a Debian package for each architecture")
  .option("--out <folder>", "where to put them", DEFAULT_DEBS)
  .addOption(new Option("--arch <names...>", "only these").choices(ARCHITECTURES))
  .addHelpText("after", "\nExample:\n  npm run deb -- --arch arm64 armhf")
  .action(async ({ out, arch }: { out: string; arch?: Architecture[] }) => {
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile(packageFile("package.json"), "utf8")));
    const epochS = await sourceEpochS();
    for (const architecture of arch ?? ARCHITECTURES)
      process.stdout.write(`${await buildDeb({ architecture, version, folder: out, epochS })}\n`);
  });

program
  .command("prune")
  .description("takes out of dist/ what was compiled from sources that are no more")
  .action(async () => {
    await prune(packageFile());
  });

await program.parseAsync();
