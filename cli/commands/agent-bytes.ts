/** `veilmq agent decode|capture|sniff|ports|profile-schema`: what a port says, without an agent. */
import { type Command, InvalidArgumentError } from "commander";
import type { CaptureOptions } from "../agent-capture.ts";
import type { SniffOptions } from "../agent-sniff.ts";
import { printLine } from "../messages.ts";

export function addDecode(agent: Command): void {
  agent
    .command("decode")
    .description("turn captured bytes into readings, as the agent would")
    .requiredOption("--profile <profile>", "a name in devices/, or the path of your own")
    .argument(
      "<file>",
      "the bytes, as `veilmq agent capture` or any terminal program wrote them; - is stdin",
    )
    .addHelpText(
      "after",
      `
One valid frame a line on stdout, {"pack":[SenML records]}, without time: a capture has none. On stderr what was
discarded, with its offset, and a summary. Exit code 1 if nothing was recognised. Captures of polled devices may hold
answers only, or requests and answers. Dead-bands and minimum intervals are the agent's and play no part here.

Reasons: noise (between frames), damaged (it began as a frame does; its end or checksum is wrong, or another frame begins
in it), implausible (all is right but for what it says), too long, unfinished (the bytes end there), refused (an exception,
or an answer whose registers nothing tells), a frame that is no reading.

Examples:
  veilmq agent decode --profile plantower-pms5003 capture.bin
  stty -F /dev/ttyUSB0 9600 raw && timeout 5 cat /dev/ttyUSB0 | veilmq agent decode --profile nmea-gps - | head -3
  veilmq agent decode --profile ./mine.yaml capture.bin >readings.ndjson`,
    )
    .action(async (file: string, { profile }: { profile: string }) => {
      const { decodeCapture } = await import("../agent-decode.ts");
      process.exitCode = await decodeCapture(profile, file);
    });
}

export function addPorts(agent: Command): void {
  agent
    .command("ports")
    .description("list the serial ports by the names that stay")
    .option("--json", "a JSON array instead of text")
    .addHelpText(
      "after",
      `
A name in /dev/serial/by-id stays the same when the device is plugged in again, or into another socket: use it in
agent.yaml. The UART on a Raspberry Pi's header is /dev/serial0, whichever it is. A port that a program has open is shown with it, as far as you may see.

Example:
  veilmq agent ports`,
    )
    .action(async ({ json }: { json?: true }) => {
      const { printPorts } = await import("../agent-ports.ts");
      await printPorts(json === true);
    });
}

export function addSniff(agent: Command): void {
  agent
    .command("sniff")
    .description("show what a port says, and guess baud rate and profile")
    .requiredOption("--port <path>", "such as /dev/serial/by-id/usb-…: see `veilmq agent ports`")
    .option("--baud <rate>", "a baud rate, or auto: the usual ones, one after the other", "auto")
    .option("--seconds <n>", "how long to listen at each", positiveNumber, 3)
    .option("--ask", "where nothing is heard: send the requests of the polled profiles")
    .option("--json", "one JSON object instead of text")
    .addHelpText(
      "after",
      `
Every shipped profile reads the bytes; the one that makes most of them is the guess. Where none does, they may look like
lines of text, SLIP, COBS, frames with the CRC-16 of Modbus, or frames of one length, from 4 to 64 bytes, with a header and
often a checksum: the guess is then the framing alone, the last as YAML for a profile of your own. It takes five frames, not
all the same. A device that sends seldom needs more --seconds. --ask writes to the device: what it sends only reads values.
Exit code 1 if nothing was recognised.

Examples:
  veilmq agent sniff --port /dev/ttyUSB0
  veilmq agent sniff --port /dev/ttyUSB0 --baud 2400 --ask`,
    )
    .action(async (options: SniffOptions) => {
      const { sniff } = await import("../agent-sniff.ts");
      process.exitCode = await sniff(options);
    });
}

export function addCapture(agent: Command): void {
  agent
    .command("capture")
    .description("write what a port says to a file, with its timing")
    .requiredOption("--port <path>", "such as /dev/serial/by-id/usb-…: see `veilmq agent ports`")
    .argument("<file>", "for the bytes; their timing goes to <file>.timing, a JSON object a line")
    .option("--baud <rate>", "default: the profile's, or 9600", positiveNumber)
    .option(
      "--profile <profile>",
      "how the line is set, and what to ask a device that has to be asked",
    )
    .option("--seconds <n>", "end after so long, otherwise with Ctrl-C", positiveNumber)
    .option("--force", "overwrite the files")
    .addHelpText(
      "after",
      `
The file holds the bytes and nothing else, of a polled device requests and answers: \`veilmq agent decode\` reads it, and
it belongs to every report of a device that is not understood.

Examples:
  veilmq agent capture --port /dev/ttyUSB0 --baud 9600 --seconds 30 capture.bin
  veilmq agent capture --port /dev/ttyUSB0 --profile eastron-sdm120 capture.bin`,
    )
    .action(async (file: string, options: CaptureOptions) => {
      const { capture } = await import("../agent-capture.ts");
      await capture(file, options);
    });
}

export function addProfileSchema(agent: Command): void {
  agent
    .command("profile-schema")
    .description("print the JSON Schema of device profiles, for an editor")
    .addHelpText(
      "after",
      `
The same as devices/profile.schema.json. With the YAML language server, first line of a profile of your own:
  # yaml-language-server: $schema=profile.schema.json

Example:
  veilmq agent profile-schema >profile.schema.json`,
    )
    .action(async () => {
      const { profileJsonSchema } = await import("../../agent/device/profile/profile.ts");
      printLine(JSON.stringify(profileJsonSchema(), null, 2));
    });
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It is a number above 0.");
}
