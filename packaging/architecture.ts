/** The machines that a package is made for, in Debian's words, and the native files that come with our dependencies for each. */
import { VeilError } from "../core/errors.ts";

export const ARCHITECTURES = ["amd64", "arm64", "armhf"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/**
 * By package: the file that is loaded on this architecture, as its maker compiled it. Of 32-bit ARM the one for version
 * 6: Raspberry Pi OS's armhf runs on the first Pi too, and every later one takes it.
 */
export const PREBUILDS: Readonly<Record<string, Readonly<Record<Architecture, string>>>> = {
  "@serialport/bindings-cpp": {
    amd64: "linux-x64/@serialport+bindings-cpp.glibc.node",
    arm64: "linux-arm64/@serialport+bindings-cpp.armv8.glibc.node",
    armhf: "linux-arm/@serialport+bindings-cpp.armv6.glibc.node",
  },
  "classic-level": {
    amd64: "linux-x64/classic-level.node",
    arm64: "linux-arm64/classic-level.armv8.node",
    armhf: "linux-arm/classic-level.armv6.node",
  },
};

/** A package's native file in a bundle, below its folder. */
export function nativeFile(packageName: string): string {
  return `native/${packageName.replace("@", "").replace("/", "-")}.node`;
}

/** Debian's word for the machine that this runs on. Throws BAD_ARGUMENT where there is no package for it. */
export function hostArchitecture(): Architecture {
  const { arch } = process;
  if (arch === "x64") return "amd64";
  if (arch === "arm64") return "arm64";
  if (arch === "arm") return "armhf";
  throw new VeilError("BAD_ARGUMENT", `there is no package for ${arch}`, {
    hint: `packages are made for ${ARCHITECTURES.join(", ")}`,
  });
}
