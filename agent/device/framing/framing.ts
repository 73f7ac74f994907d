/** All framings, told apart by their `type`. A new one joins here. */
import { z } from "zod";
import { CobsFramer, cobsFraming } from "./cobs.ts";
import { FixedFramer, fixedFraming } from "./fixed.ts";
import type { Framer, FramerOptions } from "./framer.ts";
import { LineFramer, lineFraming } from "./lines.ts";
import { ModbusFramer, modbusFraming } from "./modbus.ts";
import { NmeaFramer, nmeaFraming } from "./nmea.ts";
import { SlipFramer, slipFraming } from "./slip.ts";

export const framingSchema = z.discriminatedUnion("type", [
  lineFraming,
  fixedFraming,
  nmeaFraming,
  slipFraming,
  cobsFraming,
  modbusFraming,
]);
export type Framing = z.output<typeof framingSchema>;

/** A framer as `framing` says. */
export function createFramer(framing: Framing, options: FramerOptions = {}): Framer {
  const { onDrop } = options;
  switch (framing.type) {
    case "lines":
      return new LineFramer(framing, options);
    case "fixed":
      return new FixedFramer(framing, options);
    case "nmea":
      return new NmeaFramer(framing, onDrop);
    case "slip":
      return new SlipFramer(framing, onDrop);
    case "cobs":
      return new CobsFramer(framing, onDrop);
    case "modbus-rtu":
      return new ModbusFramer(framing, onDrop);
  }
}
