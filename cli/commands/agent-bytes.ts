/** `veilmq agent decode|capture|sniff|ports|profile-schema`: what a port says, without an agent. */
import type { Command } from "commander";

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

Reasons: noise (between frames), damaged (it began as a frame does; its end or checksum is wrong), too long, unfinished
(the bytes end there), refused (an exception, or an answer whose registers nothing tells), a frame that is no reading.

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
