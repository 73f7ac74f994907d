import { expect, test } from "vitest";
import { encodeRead } from "../../../../agent/device/framing/modbus-message.ts";
import { guessFraming } from "../../../../agent/device/sniffing/plain.ts";
import { Dice } from "../../../devices/damage.ts";

const read = encodeRead(9, { function: 3, register: 0x10, count: 2 });

test.each([
  ["lines", Buffer.from("Temp: 21.5 C, Hum: 40 %\r\n")],
  ["slip", Buffer.from("c001020304dbdc05c0", "hex")],
  ["cobs", Buffer.from("030102020400", "hex")],
  ["modbus-rtu", read],
] as const)("%s are known by their look", (framing, frame) => {
  const bytes = Buffer.concat(Array.from({ length: 20 }, () => frame));
  expect(guessFraming(bytes)).toMatchObject({ profile: null, framing });
});

test("noise looks like nothing that would make up half of it", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const guess = guessFraming(new Dice(seed).bytes(1000));
    expect(guess?.bytes ?? 0, JSON.stringify(guess)).toBeLessThan(500);
  }
});
