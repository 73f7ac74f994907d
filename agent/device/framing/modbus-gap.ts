/**
 * What lies between a request and an answer of the right length, and is neither: noise, or the ruins of the request's own
 * answer and of the request that the answer really is of. Then whose it is cannot be told.
 */
import {
  EXCEPTION,
  hasCrc,
  MAX_REGISTERS,
  READ_HOLDING,
  READ_INPUT,
  REQUEST_BYTES,
  type RegisterRange,
} from "./modbus-message.ts";

const CODES: readonly number[] = [
  READ_HOLDING,
  READ_INPUT,
  READ_HOLDING | EXCEPTION,
  READ_INPUT | EXCEPTION,
];
/** Of a request whose beginning is lost: its count and its CRC. */
const LAST_BYTES = 4;

/**
 * Whether `gap` holds what is left of a message of `unit`, or to it: two of the three things that tell it, which noise has
 * once in some thousand bytes; or all the rest of it, down to the CRC. A request of which no more than its last three bytes
 * are left looks like noise, and is taken for it.
 */
export function hidesMessage(
  gap: readonly number[],
  unit: number,
  { function: code, count }: RegisterRange,
): boolean {
  if (gap.length === 1) return gap[0] === unit;
  if (gap.length < REQUEST_BYTES && isCount(gap, gap.length - LAST_BYTES)) return true;
  return gap.some((byte, at) => {
    const isUnit = byte === unit;
    const next = gap[at + 1] ?? 0;
    if (isUnit && CODES.includes(next)) return true;
    if (isMended(gap, at, unit)) return true;
    const isRequest = isCount(gap, at + 4) && (isUnit || CODES.includes(next));
    const isAnswer = gap[at + 2] === 2 * count && (isUnit || next === code);
    return isRequest || isAnswer;
  });
}

/** Whether the request at `at` has a right CRC, if what is known of every request is put right, or nearly so. */
function isMended(gap: readonly number[], at: number, unit: number): boolean {
  if (at + REQUEST_BYTES > gap.length) return false;
  const request = Buffer.from(gap.slice(at, at + REQUEST_BYTES));
  const right = [request[0] === unit, CODES.includes(request[1] ?? 0), request[4] === 0];
  const count = request[5] ?? 0;
  const mayBeCount = right.filter(Boolean).length > 1;
  request[0] = unit;
  request[4] = 0;
  for (const code of [READ_HOLDING, READ_INPUT])
    for (let other = 1; other <= MAX_REGISTERS; other++) {
      if (other !== count && !mayBeCount) continue;
      request[1] = code;
      request[5] = other;
      if (hasCrc(request, 0, REQUEST_BYTES)) return true;
    }
  return false;
}

/** Whether a number of registers that may be asked for lies at `at`. */
function isCount(gap: readonly number[], at: number): boolean {
  const registers = gap[at + 1] ?? 0;
  return gap[at] === 0 && registers >= 1 && registers <= MAX_REGISTERS;
}
