/** How a serial line is set; the words of serialport and of every data sheet. */
import { z } from "zod";

export const serialSettings = z.strictObject({
  /** Bits per second, 50 to 4,000,000. */
  baudRate: z.int().min(50).max(4_000_000),
  dataBits: z.literal([5, 6, 7, 8]).default(8),
  stopBits: z.literal([1, 2]).default(1),
  parity: z.enum(["none", "even", "odd"]).default("none"),
  /** `hardware` = RTS/CTS, `software` = XON/XOFF. */
  flowControl: z.enum(["none", "hardware", "software"]).default("none"),
});

export type SerialSettings = z.infer<typeof serialSettings>;
