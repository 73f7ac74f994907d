/** Every framing with frames of its own, for tests and for fuzzing. */
import type { z } from "zod";
import { checksumOf } from "../../../../agent/device/framing/checksum.ts";
import type { Framer, OnDrop } from "../../../../agent/device/framing/framer.ts";
import { createFramer, framingSchema } from "../../../../agent/device/framing/framing.ts";
import { encodeRead } from "../../../../agent/device/framing/modbus-message.ts";

export interface FramingCase {
  readonly name: string;
  readonly create: (onDrop?: OnDrop) => Framer;
  /** How `content` looks on the line. */
  readonly encode: (content: Buffer) => Buffer;
  /** A frame's content, from any bytes: of the length, and of the bytes, that the framing can carry. */
  readonly contentOf: (seed: Buffer) => Buffer;
  /** The content again, from what the framer gives. */
  readonly unpack: (bytes: Buffer) => Buffer;
  /** Where a delimiter is needed behind noise, or the next frame would be part of it. */
  readonly afterNoise: Buffer;
}

type FramingFile = z.input<typeof framingSchema>;

function create(file: FramingFile, requests: readonly Buffer[] = []) {
  const framing = framingSchema.parse(file);
  return (onDrop?: OnDrop): Framer => createFramer(framing, { requests, onDrop });
}

function lines(): FramingCase {
  return {
    name: "lines",
    create: create({ type: "lines", maxBytes: 64 }),
    encode: (content) => Buffer.concat([content, Buffer.from("\r\n")]),
    contentOf: (seed) => printable(seed, 1, 40),
    unpack: (bytes) => bytes,
    afterNoise: Buffer.from("\n"),
  };
}

function fixed(): FramingCase {
  const guard = { type: "crc16-ccitt", at: 12, from: 2, to: 12 } as const;
  return {
    name: "fixed",
    create: create({ type: "fixed", header: "aa 55", length: 15, trailer: "0d", checksum: guard }, [
      Buffer.from("ff0102", "hex"),
    ]),
    encode: (content) => {
      const frame = Buffer.alloc(15);
      frame.set([0xaa, 0x55]);
      content.copy(frame, 2);
      frame.writeUInt16BE(checksumOf("crc16-ccitt", frame, 2, 12), 12);
      frame[14] = 0x0d;
      return frame;
    },
    contentOf: (seed) => padded(seed, 10),
    unpack: (bytes) => bytes.subarray(2, 12),
    afterNoise: Buffer.alloc(0),
  };
}

function nmea(): FramingCase {
  return {
    name: "nmea",
    create: create({ type: "nmea", maxBytes: 64 }),
    encode: (content) => {
      const sum = checksumOf("xor8", content, 0, content.length).toString(16).padStart(2, "0");
      return Buffer.concat([Buffer.from("$"), content, Buffer.from(`*${sum}\r\n`)]);
    },
    contentOf: (seed) => Buffer.from(printable(seed, 1, 40).toString().replace(/[$!*]/g, ",")),
    unpack: (bytes) => bytes,
    afterNoise: Buffer.alloc(0),
  };
}

const CRC = { type: "crc16-modbus", endian: "little" } as const;

function guarded(content: Buffer): Buffer {
  const crc = Buffer.alloc(2);
  crc.writeUInt16LE(checksumOf("crc16-modbus", content, 0, content.length));
  return Buffer.concat([content, crc]);
}

function slip(): FramingCase {
  return {
    name: "slip",
    create: create({ type: "slip", maxBytes: 64, checksum: CRC }),
    encode: (content) => {
      const hex = guarded(content).toString("hex").match(/../g) ?? [];
      const escaped = hex.map((byte) => ({ c0: "dbdc", db: "dbdd" })[byte] ?? byte);
      return Buffer.from(`c0${escaped.join("")}c0`, "hex");
    },
    contentOf: (seed) => padded(seed, 1 + (seed.length % 40)),
    unpack: (bytes) => bytes,
    afterNoise: Buffer.alloc(0),
  };
}

function cobs(): FramingCase {
  return {
    name: "cobs",
    create: create({ type: "cobs", maxBytes: 600, checksum: CRC }),
    encode: (content) => Buffer.concat([encodeCobs(guarded(content)), Buffer.of(0)]),
    contentOf: (seed) => padded(seed, 1 + ((seed[0] ?? 0) * 2 + seed.length)),
    unpack: (bytes) => bytes,
    afterNoise: Buffer.of(0),
  };
}

/** As in the paper: groups of what lies between zeros, each with its length in front. */
function encodeCobs(bytes: Buffer): Buffer {
  const groups: number[][] = [[]];
  for (const byte of bytes) {
    if (byte === 0) groups.push([]);
    else if (groups.at(-1)?.length === 254) groups.push([byte]);
    else groups.at(-1)?.push(byte);
  }
  return Buffer.from(groups.flatMap((group) => [group.length + 1, ...group]));
}

function modbus(): FramingCase {
  const read = { function: 4, register: 0x10, count: 6 } as const;
  return {
    name: "modbus-rtu",
    create: create({ type: "modbus-rtu", unit: 7, reads: [read] }),
    encode: (content) => {
      const answer = guarded(Buffer.concat([Buffer.of(7, 4, content.length), content]));
      return Buffer.concat([encodeRead(7, read), answer]);
    },
    contentOf: (seed) => padded(seed, 12),
    unpack: (bytes) => bytes.subarray(3),
    afterNoise: Buffer.alloc(0),
  };
}

function padded(seed: Buffer, length: number): Buffer {
  return Buffer.concat([seed, Buffer.alloc(length)]).subarray(0, length);
}

function printable(seed: Buffer, min: number, max: number): Buffer {
  const text = Buffer.from(seed.map((byte) => 0x20 + (byte % 95)));
  return Buffer.concat([text, Buffer.alloc(min, "x")]).subarray(
    0,
    Math.max(min, Math.min(max, seed.length)),
  );
}

export const FRAMINGS: readonly FramingCase[] = [
  lines(),
  fixed(),
  nmea(),
  slip(),
  cobs(),
  modbus(),
];
