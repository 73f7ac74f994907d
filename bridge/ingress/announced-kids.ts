/** The kids that a client announced under a tag, as far as one connection has seen: the registry knows the others. */
import { isOfKid, kidWord } from "../../core/scheme/record/header.ts";
import { keep } from "../keep.ts";

/** More than a device ever uses at a time. */
const MAX_KIDS = 16;

export class AnnouncedKids {
  /** The one used last comes first: nearly every record is of it. */
  #kids: Buffer[] = [];
  /**
   * The first one's words. As a Buffer in a list it lies in four other places of the memory, which no cache has when a record of
   * one of many devices comes.
   */
  #hasFirst = false;
  #word0 = 0;
  #word1 = 0;
  #word2 = 0;
  #word3 = 0;

  /** Whether a record is of one of them. Asked for every record, and makes nothing. */
  hasKidOf(record: Buffer): boolean {
    if (
      this.#hasFirst &&
      this.#word0 === kidWord(record, 0) &&
      this.#word1 === kidWord(record, 1) &&
      this.#word2 === kidWord(record, 2) &&
      this.#word3 === kidWord(record, 3)
    )
      return true;
    const at = this.#kids.findIndex((kid) => isOfKid(record, kid));
    if (at < 0) return false;
    this.#kids.unshift(...this.#kids.splice(at, 1));
    this.#noteFirst();
    return true;
  }

  /** Keeps a copy. */
  add(kid: Buffer): void {
    if (this.#kids.some((known) => known.equals(kid))) return;
    // No `unshift`: it would reserve room for 16 more, and most devices use one.
    this.#kids = [keep(kid)].concat(this.#kids.slice(0, MAX_KIDS - 1));
    this.#noteFirst();
  }

  #noteFirst(): void {
    const [first] = this.#kids;
    if (!first) return;
    this.#hasFirst = true;
    this.#word0 = first.readInt32BE(0);
    this.#word1 = first.readInt32BE(4);
    this.#word2 = first.readInt32BE(8);
    this.#word3 = first.readInt32BE(12);
  }
}
