/**
 * `audit.log`: what the owner has done, a line of JSON each, oldest first. It holds no topic name and no key.
 *
 *   line n   {"n":…,"at":…,"op":…, …,"mac":mac_n}
 *   mac_n    HMAC-SHA-256(K_audit, lp(tenant) ‖ mac_{n−1} ‖ line n without `mac`), mac_0 = 32 zeros
 *   K_audit  HKDF(K_state, "veilmq-kms-audit\0", 32)
 *
 * So nobody without the passphrase can change, leave out or add a line. What could still be done, cutting lines off at
 * the end, shows against the head in the sealed `state/audit`, and where both are put back together, against
 * `state/told`, the last serial that the log told of: each line has one. A line is on disk before the change it tells of
 * begins; the head follows it. After a kill in between, the lines beyond the head are taken over where their MACs hold,
 * and half a line is cut off.
 */
import { createReadStream } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { VeilError } from "../core/errors.ts";
import { syncFolder } from "../core/runtime/files.ts";
import { hkdf, hmacSha256, lp } from "../core/scheme/bytes.ts";
import { bytesField, epochField, nameField, parseJson, serialField } from "../core/wire/fields.ts";
import type { StateFiles } from "./state-files.ts";

const HEAD = "audit";
const TOLD = "told";
const MAC_BYTES = 32;
const LINE_END = "\n".charCodeAt(0);
/** What no line reaches: two names, a file's name, a digest and some numbers. */
const MAX_LINE_BYTES = 2_048;

const AUDIT_OPERATIONS = [
  "init",
  "enrol",
  "grant",
  "ungrant",
  "revoke",
  "rotate",
  "retire",
  "export",
  "restore",
] as const;

const countField = z.int().min(0);
const auditEntrySchema = z.strictObject({
  op: z.enum(AUDIT_OPERATIONS),
  client: nameField.optional(),
  /** Of the documents made, or the one that serials continue above; of a backup, one of its own. */
  serial: serialField,
  /** How many topics the client may publish and subscribe to afterwards. */
  publish: countField.optional(),
  subscribe: countField.optional(),
  /** Those that count afterwards. */
  epochs: z.array(epochField).optional(),
  /** The file below `documents/`, and its SHA-256 as b64url. */
  bundle: z.string().optional(),
  digest: z.string().optional(),
});
/** One operation, as it is told to the log. */
export type AuditEntry = z.output<typeof auditEntrySchema>;

const auditLineSchema = auditEntrySchema.extend({
  n: z.int().min(1),
  at: z.iso.datetime(),
  mac: z.string(),
});
/** One line: its number from 1, and when it was written. */
export type AuditLine = z.output<typeof auditLineSchema>;
const LINE_FIELDS: ReadonlySet<string> = new Set(Object.keys(auditLineSchema.shape));

const headSchema = z.strictObject({
  lines: countField,
  /** The length of the log up to there. */
  bytes: countField,
  mac: bytesField(MAC_BYTES),
  /** Of the last line. */
  serial: countField,
  /** Of the last line that put other epochs in force than `init` did; 0 where none did. */
  epochsSerial: countField,
});
/** A place between two lines. */
type Place = z.output<typeof headSchema>;

const BEGINNING: Place = {
  lines: 0,
  bytes: 0,
  mac: Buffer.alloc(MAC_BYTES),
  serial: 0,
  epochsSerial: 0,
};

const toldSchema = z.strictObject({ serial: countField });

/** What follows the last whole line: nothing, the beginning of one as a kill leaves it, or what no command wrote. */
export type LogTail = "none" | "torn" | "strange";

export class AuditLog {
  readonly #path: string;
  readonly #state: StateFiles;
  readonly #tenant: string;
  readonly #key: Buffer;

  constructor(options: { path: string; tenant: string; state: StateFiles; stateKey: Buffer }) {
    this.#path = options.path;
    this.#tenant = options.tenant;
    this.#state = options.state;
    this.#key = hkdf(options.stateKey, { info: "veilmq-kms-audit\0", length: 32 });
  }

  /** Makes the log of a new tenant, empty. */
  async create(): Promise<void> {
    await (await open(this.#path, "wx", 0o600)).close();
    await syncFolder(dirname(this.#path));
    await this.#moveHead(BEGINNING);
  }

  /**
   * Resolves when the entries are on disk. Throws BAD_DOCUMENT where the log's end was changed: what lies before is
   * for {@link read} to judge.
   */
  async append(entries: readonly AuditEntry[]): Promise<void> {
    const end = await this.#end();
    const at = new Date().toISOString();
    let place = end;
    let text = "";
    for (const given of entries) {
      const entry = auditEntrySchema.parse(given);
      const body = JSON.stringify({ n: place.lines + 1, at, ...entry });
      const mac = this.#mac(place.mac, Buffer.from(body, "utf8"));
      const line = `${body.slice(0, -1)}${macField(mac)}}\n`;
      const bytes = place.bytes + Buffer.byteLength(line);
      place = { lines: place.lines + 1, bytes, mac, ...serialsAfter(place, entry) };
      text += line;
    }
    await writeAt(this.#path, end.bytes, text);
    await this.#moveHead(place);
  }

  /**
   * Serial of the last line that put epochs in force by `rotate` or `retire`; 0 where none did. Throws BAD_DOCUMENT where
   * the log's end was changed.
   */
  async epochsSerial(): Promise<number> {
    return (await this.#end()).epochsSerial;
  }

  /**
   * All lines, each once its MAC holds. Throws BAD_DOCUMENT naming the first line that was changed, or telling that
   * lines are missing at the end. Returns what follows them.
   */
  async *read(): AsyncGenerator<AuditLine, LogTail> {
    const head = await this.#head();
    if ((await this.#size()) < head.bytes) throw this.#bad("lines are missing at the end");
    let place = BEGINNING;
    for await (const [line, next] of this.#linesFrom(BEGINNING)) {
      place = next;
      if (place.lines === head.lines && !isSame(place, head))
        throw this.#bad("is not the tenant's");
      yield line;
    }
    if (place.lines < head.lines) throw this.#bad("lines are missing at the end");
    await this.#refuseForgetful(place);
    return await this.#tailAfter(place);
  }

  /** The end of the last whole line: the head, or beyond it after a kill. */
  async #end(): Promise<Place> {
    let end = await this.#head();
    if ((await this.#size()) < end.bytes) throw this.#bad("lines are missing at the end");
    for await (const [, next] of this.#linesFrom(end)) end = next;
    await this.#refuseForgetful(end);
    return end;
  }

  /** The log and its head may both be older than what the log has told of. */
  async #refuseForgetful(end: Place): Promise<void> {
    const told = await this.#state.read(TOLD, toldSchema);
    if (!told) throw this.#bad("state/told, which says how far it went, is missing");
    if (end.serial < told.serial) throw this.#bad("lines are missing at the end");
  }

  async #tailAfter(end: Place): Promise<LogTail> {
    const bytes = (await this.#size()) - end.bytes;
    if (bytes === 0) return "none";
    // A line is written only when its serial has been taken.
    const isExpected = (await this.#state.lastSerial()) > end.serial;
    return isExpected && isTornLine(await readAt(this.#path, end.bytes, bytes), end.lines + 1)
      ? "torn"
      : "strange";
  }

  async *#linesFrom(start: Place): AsyncGenerator<[AuditLine, Place]> {
    let place = start;
    for await (const line of wholeLines(this.#path, start.bytes)) {
      const mac = this.#follow(place, line);
      if (!mac) throw this.#bad(`line ${place.lines + 1} was changed`);
      const parsed = parseJson(line, auditLineSchema, "BAD_DOCUMENT");
      const bytes = place.bytes + line.length + 1;
      place = { lines: place.lines + 1, bytes, mac, ...serialsAfter(place, parsed) };
      yield [parsed, place];
    }
  }

  /** The MAC of `line`; `null` where it does not hold, to the byte. */
  #follow(place: Place, line: Buffer): Buffer | null {
    const end = Buffer.byteLength(macField(place.mac)) + 1;
    const body = Buffer.concat([line.subarray(0, -end), Buffer.from("}")]);
    const mac = this.#mac(place.mac, body);
    return line.subarray(-end).equals(Buffer.from(`${macField(mac)}}`)) ? mac : null;
  }

  #mac(previous: Buffer, body: Buffer): Buffer {
    return hmacSha256(this.#key, lp(this.#tenant), previous, body);
  }

  async #head(): Promise<Place> {
    const head = await this.#state.read(HEAD, headSchema);
    if (!head) throw this.#bad("its head, state/audit, is missing");
    return head;
  }

  async #moveHead({ mac, ...rest }: Place): Promise<void> {
    await this.#state.replace(HEAD, { ...rest, mac: mac.toString("base64url") });
    await this.#state.replace(TOLD, { serial: rest.serial });
  }

  async #size(): Promise<number> {
    const found = await stat(this.#path).catch(() => null);
    if (!found) throw this.#bad("it is missing");
    return found.size;
  }

  #bad(what: string): VeilError {
    return new VeilError("BAD_DOCUMENT", `${this.#path}: ${what}`, {
      hint: "compare it with the one in a backup (veilmq kms restore FILE --dir elsewhere)",
    });
  }
}

/** The last field of a line, without the brace after it. */
function macField(mac: Buffer): string {
  return `,"mac":"${mac.toString("base64url")}"`;
}

function isSame(place: Place, head: Place): boolean {
  return place.bytes === head.bytes && place.mac.equals(head.mac);
}

function serialsAfter(
  before: Place,
  { op, client, serial }: AuditEntry,
): Pick<Place, "serial" | "epochsSerial"> {
  return { serial, epochsSerial: setsEpochs({ op, client }) ? serial : before.epochsSerial };
}

/** Whether a line tells of other epochs in the master file, and not of a client's documents for them. */
export function setsEpochs({ op, client }: Pick<AuditEntry, "op" | "client">): boolean {
  return client === undefined && (op === "rotate" || op === "retire");
}

/** Writes at the end of the whole lines, over the half of one where there is one. */
async function writeAt(path: string, position: number, text: string): Promise<void> {
  const file = await open(path, "a");
  try {
    await file.truncate(position);
    // One write may take a part only: this goes on until all is written.
    await file.appendFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** `bytes` from `position` on. */
async function readAt(path: string, position: number, bytes: number): Promise<Buffer> {
  const file: FileHandle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Whether a kill in the middle of writing line `n` can have left this. */
function isTornLine(tail: Buffer, n: number): boolean {
  const start = `{"n":${n},"at":"`;
  const text = tail.toString("latin1");
  if (!/^[\x20-\x7e]*$/.test(text)) return false;
  if (!text.startsWith(start)) return start.startsWith(text);
  const fields = [...text.matchAll(/"([a-z]+)":/g)].map(([, name]) => String(name));
  return fields.every((name) => LINE_FIELDS.has(name));
}

/** The lines from `start` without their ends; what follows the last line end is left out. */
async function* wholeLines(path: string, start: number): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  const chunks: AsyncIterable<Buffer> = createReadStream(path, { start });
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (;;) {
      const end = rest.indexOf(LINE_END, from);
      if (end < 0) break;
      yield rest.subarray(from, end);
      from = end + 1;
    }
    rest = rest.subarray(from);
    // No line is that long: it is not ours, and must not fill the memory.
    if (rest.length > MAX_LINE_BYTES) yield rest;
  }
}
