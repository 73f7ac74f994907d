/** The serial ports of this machine, by the names that stay the same over replugging; without udev's database. */
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { join } from "node:path";

/** USB adapters and boards, and the UART on a Raspberry Pi's header. A PC's ttyS0 to ttyS31 mostly lead nowhere. */
const SERIAL = /^tty(USB|ACM|AMA)\d+$/;
/** A Raspberry Pi's links to its UARTs: on the header of a Pi 3, 4 or Zero W it is ttyS0. */
const PI_LINKS = ["serial0", "serial1"];

export interface FoundPort {
  /** What to write into agent.yaml: the name by id, a Pi's name for its UART, or the device where it has neither. */
  readonly path: string;
  /** Where it leads now, such as /dev/ttyUSB0. */
  readonly device: string;
  /** The program that has it open, as far as this user may see. */
  readonly heldBy?: string;
}

export async function listPorts(devFolder = "/dev", procFolder = "/proc"): Promise<FoundPort[]> {
  const byId = await linksIn(join(devFolder, "serial/by-id"));
  const named = new Map([...(await linksIn(devFolder, PI_LINKS)), ...byId]);
  const all = (await entriesOf(devFolder)).filter((name) => SERIAL.test(name));
  const devices = new Set([...named.keys(), ...all.map((name) => join(devFolder, name))]);
  const ports = [...devices].sort().map(async (device) => {
    const heldBy = await holderOf(device, procFolder);
    return { path: named.get(device) ?? device, device, ...(heldBy ? { heldBy } : {}) };
  });
  return Promise.all(ports);
}

/** Who has `device` open: `node (4711)`; undefined if nobody does that this user may look at. */
async function holderOf(device: string, procFolder = "/proc"): Promise<string | undefined> {
  for (const pid of await entriesOf(procFolder)) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = join(procFolder, pid, "fd");
    for (const descriptor of await entriesOf(folder)) {
      const target = await readlink(join(folder, descriptor)).catch(() => "");
      if (target !== device) continue;
      const name = await readFile(join(procFolder, pid, "comm"), "utf8").catch(() => "?");
      return `${name.trim()} (${pid})`;
    }
  }
  return undefined;
}

/** Device → link. */
async function linksIn(folder: string, names?: readonly string[]): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const name of names ?? (await entriesOf(folder))) {
    const link = join(folder, name);
    const device = await realpath(link).catch(() => null);
    if (device !== null) links.set(device, link);
  }
  return links;
}

async function entriesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
