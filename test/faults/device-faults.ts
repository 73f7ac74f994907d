/** What breaks at a device itself: its serial line, its disk, its agent. Used as those of faults.ts are. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { VeilError } from "../../core/errors.ts";
import { openPty } from "../../demo/pty/pty.ts";
import type { Device } from "./device.ts";
import { type Fault, type FaultKind, kind, seconds } from "./faults.ts";
import type { Random } from "./random.ts";

const NOISE_BYTES = [1, 8192] as const;
/** More than a line may have. */
const ENDLESS_BYTES = [100_000, 400_000] as const;
const NEWLINE = 0x0a;

/** Takes a port as another program does, and holds it until its stdin ends. */
const HOLDER = `
import fcntl, os, sys
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
fcntl.flock(port, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
`;

export const DEVICE_FAULT_KINDS: readonly FaultKind[] = [
  outage("serial line unplugged", seconds(0.5, 3), ({ agent }) => ({
    inject: () => agent.cable.unplug(),
    heal: () => agent.cable.plug(),
  })),
  outage("plugged in again as another port", seconds(0.5, 2), ({ agent }) => ({
    inject: () => agent.cable.unplug(),
    heal: async () => {
      // Takes the number that has become free.
      const other = await openPty();
      await agent.cable.plug();
      await other.close();
    },
  })),
  outage("port held by another program", seconds(1, 4), (device) => heldPort(device)),
  outage("unplugged in the middle of noise", seconds(0.5, 2), ({ agent }, random) => ({
    inject: async () => {
      await agent.cable.write(noise(random));
      await agent.cable.unplug();
    },
    heal: () => agent.cable.plug(),
  })),
  line("noise", (random) => noise(random)),
  line("noise that begins like a reading", (random) =>
    Buffer.concat([Buffer.from('{"sensor":"'), noise(random)]),
  ),
  line("a line without end", (random) =>
    Buffer.alloc(Math.floor(random.between(...ENDLESS_BYTES)), "{"),
  ),
  outage("disk full", seconds(1, 5), (device) => ({
    inject: () => device.fillDisk(),
    heal: () => device.freeDisk(),
  })),
  outage("disk full, then killed", seconds(0.5, 2), (device) => ({
    inject: async () => {
      await device.fillDisk();
      await device.agent.process.kill("SIGKILL");
    },
    heal: () => device.agent.process.spawn(),
  })),
  outage("agent killed", seconds(0.5, 3), ({ agent }) => ({
    inject: () => agent.process.kill("SIGKILL"),
    heal: () => agent.process.spawn(),
  })),
  outage("agent stopped and started", seconds(0.1, 2), ({ agent }) => ({
    inject: async () => {
      const { code } = await agent.process.stop();
      if (code !== 0) throw new VeilError("UNAVAILABLE", `the agent ended with ${code}`);
    },
    heal: () => agent.process.spawn(),
  })),
  ofDevice("agent frozen", seconds(1, 4), ({ agent }) => ({
    inject: () => agent.process.kill("SIGSTOP"),
    heal: () => agent.process.kill("SIGCONT"),
  })),
];

type AtDevice = (device: Device, random: Random) => Omit<Fault, "target" | "outage">;

/** Every reading has to be taken meanwhile, if late. */
function ofDevice(name: string, duration: ReturnType<typeof seconds>, choose: AtDevice): FaultKind {
  return kind(name, duration, (rig, random) => {
    const device = random.pick(rig.devices);
    return { target: device.name, ...choose(device, random) };
  });
}

/** Readings may be not taken meanwhile: nobody is there who could. */
function outage(name: string, duration: ReturnType<typeof seconds>, choose: AtDevice): FaultKind {
  return kind(name, duration, (rig, random) => {
    const device = random.pick(rig.devices);
    return { target: device.name, outage: device, ...choose(device, random) };
  });
}

/** Bytes between two lines, which end as a line does: the readings before and after them are whole. */
function line(name: string, bytesOf: (random: Random) => Buffer): FaultKind {
  return ofDevice(name, seconds(0, 0), ({ agent }, random) => ({
    inject: () => agent.cable.write(Buffer.concat([bytesOf(random), Buffer.of(NEWLINE)])),
  }));
}

/** As a wrong baud rate makes it; now and then it ends a line. */
function noise(random: Random): Buffer {
  return Buffer.from(
    Array.from({ length: Math.floor(random.between(...NOISE_BYTES)) }, () =>
      Math.floor(random.between(0, 256)),
    ),
  );
}

function heldPort({ agent }: Device): Omit<Fault, "target" | "outage"> {
  let release = async (): Promise<void> => undefined;
  return {
    inject: async () => {
      await agent.cable.unplug();
      await agent.cable.plug(async (terminal) => {
        release = await hold(terminal);
      });
    },
    heal: () => release(),
  };
}

/** Holds the port `terminal`; the returned function lets it go. */
async function hold(terminal: string): Promise<() => Promise<void>> {
  const holder = spawn("python3", ["-c", HOLDER, terminal], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(holder, "exit");
  await once(holder.stdout, "data");
  return async () => {
    holder.stdin.end();
    await ended;
  };
}
