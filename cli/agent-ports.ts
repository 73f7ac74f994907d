/** Lists the serial ports for `veilmq agent ports`. */
import { listPorts } from "../agent/device/serial/ports.ts";
import { printHint, printJson, printLine, printNote } from "./messages.ts";

export async function printPorts(json: boolean): Promise<void> {
  const ports = await listPorts();
  if (json) {
    printJson(ports);
    return;
  }
  for (const { path, device, heldBy } of ports) {
    const leads = path === device ? "" : `  → ${device}`;
    printLine(`${path}${leads}${heldBy === undefined ? "" : `  held by ${heldBy}`}`);
  }
  if (ports.length > 0) return;
  printNote("there are no serial ports");
  printHint("is the adapter plugged in? `dmesg | tail` shows what the kernel thinks of it");
}
