/**
 * A process that appends to an outbox and tells on stdout what was taken, until it is killed.
 * Arguments: the folder, the number the first record carries. Compiled to dist/, because node runs it.
 */
import { writeSync } from "node:fs";
import { join } from "node:path";
import { Outbox } from "../../../../agent/device/outbox/outbox.ts";
import { isVeilError } from "../../../../core/errors.ts";

const STREAM = "aa".repeat(16);
const PADDING = ".".repeat(150);
const [folder = "", first = "1"] = process.argv.slice(2);

const outbox = new Outbox({
  folder: join(folder, "outbox"),
  rejectedFolder: join(folder, "rejected"),
  syncIntervalMs: 2,
  segmentBytes: 8192,
  onReport: (report) => writeSync(1, `report ${report.event}\n`),
});
await outbox.start();
for (let number = Number(first); ; number++) {
  const payload = Buffer.from(`${number}${PADDING}`);
  try {
    const [sequence] = await outbox.append([{ stream: STREAM, kind: "record", payload }]);
    writeSync(1, `taken ${number} ${sequence}\n`);
  } catch (error) {
    if (!isVeilError(error, "DISK")) throw error;
    writeSync(1, `failed ${number}\n`);
  }
}
