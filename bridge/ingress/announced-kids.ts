/** The kids that a client announced under a tag, as far as one connection has seen: the registry knows the others. */
import { isOfKid } from "../../core/scheme/record/header.ts";
import { keep } from "../keep.ts";

/** More than a device ever uses at a time. */
const MAX_KIDS = 16;

export class AnnouncedKids {
  /** The one used last comes first. */
  #kids: Buffer[] = [];

  /** Whether a record is of one of them. */
  hasKidOf(record: Buffer): boolean {
    const at = this.#kids.findIndex((kid) => isOfKid(record, kid));
    if (at < 0) return false;
    if (at > 0) this.#kids.unshift(...this.#kids.splice(at, 1));
    return true;
  }

  /** Keeps a copy. */
  add(kid: Buffer): void {
    if (this.#kids.some((known) => known.equals(kid))) return;
    // No `unshift`: it would reserve room for 16 more, and most devices use one.
    this.#kids = [keep(kid)].concat(this.#kids.slice(0, MAX_KIDS - 1));
  }
}
