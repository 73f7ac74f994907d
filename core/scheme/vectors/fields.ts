/** Reading the fields of a vector file: each may be missing, none may be malformed. */
import { VeilError } from "../../errors.ts";

const HEX = /^[0-9a-f]+$/i;
const HEX_BYTES = /^([0-9a-f]{2})*$/i;
const DECIMAL = /^[0-9]+$/;

/** An object of a vector file, and where it stands in the file. Every reader throws BAD_ARGUMENT for a malformed field. */
export class Fields {
  readonly #where: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(value: unknown, where = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new VeilError("BAD_ARGUMENT", `${where || "the vector file"} is no JSON object`);
    this.#where = where;
    this.#values = new Map(Object.entries(value));
  }

  /** Where a field stands, as `cases[0].tag`. */
  where(name: string): string {
    return this.#where === "" ? name : `${this.#where}.${name}`;
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  /** Text; a number stands for its digits. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw this.#malformed(name, "text");
  }

  /** A whole number ≥ 0, as a JSON number or in decimal digits. */
  integer(name: string): bigint | undefined {
    const value = this.#values.get(name);
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

  /** The objects under `cases`; a file without `cases` is its own only case. */
  cases(): Fields[] {
    const list = this.#values.get("cases");
    if (list === undefined) return [this];
    if (!Array.isArray(list)) throw this.#malformed("cases", "a list");
    return list.map((item: unknown, index) => new Fields(item, this.where(`cases[${index}]`)));
  }

  /** As this object, with the fields of `outer` where this one has none. */
  within(outer: Fields): Fields {
    const merged = Object.fromEntries([...outer.#values, ...this.#values]);
    return new Fields(merged, this.#where);
  }

  /** A value that a checker cannot do without. Throws BAD_ARGUMENT where it is missing. */
  require<T>(value: T | undefined, name: string): T {
    if (value === undefined)
      throw new VeilError("BAD_ARGUMENT", `the vector file does not say ${this.where(name)}`);
    return value;
  }

  #malformed(name: string, what: string): VeilError {
    return new VeilError("BAD_ARGUMENT", `${this.where(name)} in the vector file is not ${what}`);
  }
}
