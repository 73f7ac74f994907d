/** Reading the fields of a vector file: each may be missing, none may be malformed. */
import { VeilError } from "../../errors.ts";
import { canonicalName, isComment, type Names } from "./names.ts";

const HEX = /^[0-9a-f]+$/i;
const HEX_BYTES = /^([0-9a-f]{2})*$/i;
const DECIMAL = /^[0-9]+$/;

/** A value of the file. */
interface Entry {
  /** As the file spells it. */
  readonly name: string;
  readonly where: string;
  readonly value: unknown;
  /** Something was made of it. */
  used: boolean;
}

/** What an object has of the file that it is in. */
interface Place {
  readonly where: string;
  readonly names: Names | undefined;
  /** What cannot be checked, and why: all of a file's objects share it. */
  readonly unchecked: string[];
}

/**
 * An object of a vector file, and where it stands in the file. Every reader throws BAD_ARGUMENT for a malformed field, and
 * counts the field as looked at; {@link has} does not.
 */
export class Fields {
  readonly #place: Place;
  readonly #entries: ReadonlyMap<string, Entry>;
  #cases: Fields[] | undefined;

  private constructor(entries: ReadonlyMap<string, Entry>, place: Place) {
    this.#place = place;
    this.#entries = entries;
  }

  /** A whole file. `names` are those of its shape. */
  static of(value: unknown, names?: Names): Fields {
    return Fields.#read(value, { where: "", names, unchecked: [] });
  }

  static #read(value: unknown, place: Place): Fields {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new VeilError("BAD_ARGUMENT", `${place.where || "the vector file"} is no JSON object`);
    const entries = new Map<string, Entry>();
    for (const [name, content] of Object.entries(value)) {
      const canonical = canonicalName(name, place.names);
      const where = join(place.where, name);
      const other = entries.get(canonical);
      if (other && String(other.value) !== String(content))
        throw new VeilError(
          "BAD_ARGUMENT",
          `${where} in the vector file contradicts ${other.name}`,
        );
      if (!other) entries.set(canonical, { name, where, value: content, used: false });
    }
    return new Fields(entries, place);
  }

  /** Where a field stands, as `cases[0].tag`. */
  where(name: string): string {
    return this.#entries.get(name)?.where ?? join(this.#place.where, name);
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  has(...names: readonly string[]): boolean {
    return names.every((name) => this.#entries.has(name));
  }

  /** Says of a value, or of a part of one, why it cannot be checked. */
  leave(name: string, why: string): void {
    this.#take(name);
    this.#place.unchecked.push(`${this.where(name)}: ${why}`);
  }

  /** What nobody looked at, here and in the cases, but for what is there to be read by people. */
  unchecked(): string[] {
    const unused = [...new Set([this, ...this.cases()])].flatMap((fields) =>
      [...fields.#entries.values()]
        .filter(({ name, used }) => !used && !isComment(name))
        .map(({ where }) => where),
    );
    return [...new Set([...this.#place.unchecked, ...unused])];
  }

  /** Text; a number stands for its digits. */
  text(name: string): string | undefined {
    const value = this.#take(name);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw this.#malformed(name, "text");
  }

  /** A whole number ≥ 0, as a JSON number or in decimal digits. */
  integer(name: string): bigint | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)
      return BigInt(value);
    if (typeof value === "string" && DECIMAL.test(value)) return BigInt(value);
    throw this.#malformed(name, "a whole number");
  }

  /** An integer in hexadecimal, of any number of digits. */
  hexInteger(name: string): bigint | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!HEX.test(value)) throw this.#malformed(name, "hexadecimal");
    return BigInt(`0x${value}`);
  }

  /** Bytes in hexadecimal; none is a value too. */
  hexBytes(name: string): Buffer | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (!HEX_BYTES.test(value)) throw this.#malformed(name, "hexadecimal bytes");
    return Buffer.from(value, "hex");
  }

  /** The objects under `cases`; a file without `cases` is its own only case. Throws BAD_ARGUMENT where there is none. */
  cases(): Fields[] {
    this.#cases ??= this.#readCases();
    return this.#cases;
  }

  #readCases(): Fields[] {
    const list = this.#take("cases");
    if (list === undefined) return [this];
    if (!Array.isArray(list)) throw this.#malformed("cases", "a list");
    if (list.length === 0) throw this.#malformed("cases", "a list of at least one case");
    return list.map((item: unknown, index) =>
      Fields.#read(item, { ...this.#place, where: this.where(`cases[${index}]`) }),
    );
  }

  /** As this object, with the fields of `outer` where this one has none: a file's `name` is not its cases'. */
  within(outer: Fields): Fields {
    if (outer === this) return this;
    const inherited = [...outer.#entries].filter(([name]) => name !== "name" && name !== "cases");
    return new Fields(new Map([...inherited, ...this.#entries]), this.#place);
  }

  /** A value that a checker cannot do without. Throws BAD_ARGUMENT where it is missing. */
  require<T>(value: T | undefined, name: string): T {
    if (value === undefined)
      throw new VeilError("BAD_ARGUMENT", `the vector file does not say ${this.where(name)}`);
    return value;
  }

  #take(name: string): unknown {
    const entry = this.#entries.get(name);
    if (entry) entry.used = true;
    return entry?.value;
  }

  #malformed(name: string, what: string): VeilError {
    return new VeilError("BAD_ARGUMENT", `${this.where(name)} in the vector file is not ${what}`);
  }
}

function join(where: string, name: string): string {
  return where === "" ? name : `${where}.${name}`;
}
