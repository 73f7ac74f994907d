/** From a frame to values: what every decoding offers. Pure. */
import type { SenmlRecord } from "../../../core/wire/senml.ts";

/**
 * The SenML records of one frame, at least one, without time; null if the frame is not a valid reading.
 * The caller drops and counts it: noise on a line is no reason to stop.
 */
export type Decoder = (frame: Buffer) => SenmlRecord[] | null;
