/**
 * A Debian package: the bundle of one architecture with its units, built by dpkg-deb. The same sources give the same
 * bytes: every time in it is that of the last commit (SOURCE_DATE_EPOCH, if that is set).
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { VeilError } from "../core/errors.ts";
import { packageFile } from "../core/runtime/package.ts";
import type { Architecture } from "./architecture.ts";
import { bundle } from "./bundle.ts";
import { licenceTexts } from "./licences.ts";

const run = promisify(execFile);

const MAINTAINER_SCRIPTS = ["postinst", "prerm", "postrm"];
const UNITS = [
  "veilmq-agent.service",
  "veilmq-agent@.service",
  "veilmq-bridge.service",
  "veilmq-consumer@.service",
];
const CONFFILES = ["/etc/default/veilmq-agent"];
/** The oldest Node that VeilMQ runs on, as Debian and Raspberry Pi OS have it. */
const DEPENDS = "nodejs (>= 20.19), systemd";

export interface DebOptions {
  readonly architecture: Architecture;
  /** As dpkg compares them, such as `0.1.0`. */
  readonly version: string;
  /** Where the package is put; made if missing. */
  readonly folder: string;
  /** Seconds since 1970, of everything in the package. */
  readonly epochS: number;
  /** `none` takes a third of the time, for a package that is only looked into. Default `xz`. */
  readonly compression?: "xz" | "none";
}

/** Builds one package and returns its path. Throws MISSING_TOOL without dpkg-deb. */
export async function buildDeb(options: DebOptions): Promise<string> {
  const { architecture, version, folder, epochS, compression = "xz" } = options;
  const root = await mkdtemp(join(tmpdir(), "veilmq-deb-"));
  try {
    await stageFiles(root, options);
    await writeControl(root, options);
    await mkdir(folder, { recursive: true });
    const path = join(folder, `veilmq_${version}_${architecture}.deb`);
    await run("dpkg-deb", ["--root-owner-group", `-Z${compression}`, "--build", root, path], {
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epochS) },
    }).catch((cause: unknown) => {
      throw new VeilError("MISSING_TOOL", "dpkg-deb could not build the package", {
        hint: "it comes with Debian's dpkg",
        cause,
      });
    });
    return path;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** When the sources were last changed, in seconds since 1970: SOURCE_DATE_EPOCH, or the last commit. */
export async function sourceEpochS(): Promise<number> {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined) return Number(given);
  const { stdout } = await run("git", ["log", "-1", "--format=%ct"], { cwd: packageFile() });
  return Number(stdout);
}

async function stageFiles(root: string, { architecture }: DebOptions): Promise<void> {
  const { packages } = await bundle(join(root, "usr/lib/veilmq"), architecture);
  const files: [from: string, to: string][] = [
    ...UNITS.map((unit): [string, string] => [`systemd/${unit}`, `usr/lib/systemd/system/${unit}`]),
    ["systemd/sysusers.conf", "usr/lib/sysusers.d/veilmq.conf"],
    ["systemd/tmpfiles.conf", "usr/lib/tmpfiles.d/veilmq.conf"],
    ["systemd/70-veilmq-agent.rules", "usr/lib/udev/rules.d/70-veilmq-agent.rules"],
    ["systemd/default", "etc/default/veilmq-agent"],
    ["packaging/debian/launcher", "usr/bin/veilmq"],
    ...(await documents()).map((path): [string, string] => [path, `usr/share/doc/veilmq/${path}`]),
    ["packaging/debian/agent.yaml", "usr/share/doc/veilmq/examples/agent.yaml"],
  ];
  for (const [from, to] of files) {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await cp(packageFile(from), join(root, to));
  }
  const doc = join(root, "usr/share/doc/veilmq");
  const [licence, changelog] = await Promise.all(
    ["LICENSE", "CHANGELOG.md"].map((path) => readFile(packageFile(path), "utf8")),
  );
  const others = await licenceTexts(packages);
  await writeFile(
    join(doc, "copyright"),
    `VeilMQ: Apache-2.0\n\n${licence}\nIt contains the following packages.\n\n${others}`,
  );
  await writeFile(join(doc, "changelog.gz"), gzipSync(changelog ?? "", { level: 9 }));
  await settleModes(root);
}

/** What hints, help and README refer to, under the same paths. */
async function documents(): Promise<string[]> {
  const names = await readdir(packageFile("docs"));
  return [
    "README.md",
    ...names.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ];
}

/** As Debian has them: whatever umask and checkout made of them here is no part of the package. */
async function settleModes(root: string): Promise<void> {
  await chmod(root, 0o755);
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = entry.isDirectory() || entry.parentPath.endsWith("usr/bin");
    await chmod(path, isProgram ? 0o755 : 0o644);
  }
}

async function writeControl(root: string, { architecture, version }: DebOptions): Promise<void> {
  const sums: string[] = [];
  let bytes = 0;
  for (const path of await filesOf(root)) {
    bytes += (await stat(path)).size;
    const sum = createHash("md5")
      .update(await readFile(path))
      .digest("hex");
    sums.push(`${sum}  ${relative(root, path)}\n`);
  }
  const control = [
    "Package: veilmq",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    "Maintainer: The VeilMQ makers <veilmq@localhost>",
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    `Depends: ${DEPENDS}`,
    "Section: net",
    "Priority: optional",
    "Description: sensor readings over MQTT and Kafka that their operators cannot read",
    " The agent of a device (serial port to bridge), the bridge, the consumer and the key",
    " management of VeilMQ, with their systemd units. Nothing starts by itself: see",
    " /usr/share/doc/veilmq/docs/agent-install.md.",
    "",
  ];
  const debian = join(root, "DEBIAN");
  await mkdir(debian);
  await writeFile(join(debian, "control"), control.join("\n"));
  await writeFile(join(debian, "conffiles"), CONFFILES.map((path) => `${path}\n`).join(""));
  await writeFile(join(debian, "md5sums"), sums.join(""));
  for (const name of MAINTAINER_SCRIPTS)
    await cp(packageFile("packaging/debian", name), join(debian, name));
  for (const name of await readdir(debian))
    await chmod(join(debian, name), MAINTAINER_SCRIPTS.includes(name) ? 0o755 : 0o644);
  await chmod(debian, 0o755);
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
