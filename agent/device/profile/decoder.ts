/** From a frame to values: what every decoding offers. No I/O, no clock; one for each line, since some learn from it. */
import type { SenmlRecord } from "../../../core/wire/senml.ts";

/**
 * The SenML records of one frame, without time; none if it is a valid frame with nothing to tell, such as a position
 * before there is a fix; null if it is not valid. The caller drops and counts it: noise on a line is no reason to stop.
 */
export type Decoder = (frame: Buffer) => SenmlRecord[] | null;
