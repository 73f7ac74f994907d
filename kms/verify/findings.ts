/** What `kms verify` finds, with where. */
import { join, relative } from "node:path";
import { isVeilError, type VeilError } from "../../core/errors.ts";

/** Of a file of the tenant, by its path below the tenant's folder. */
export interface Finding {
  readonly path: string;
  readonly what: string;
}

export class Findings {
  /** Something was changed, put back, taken away, or a command was cut off before it took effect. */
  readonly problems: Finding[] = [];
  /** Nothing to worry about, said all the same. */
  readonly notes: Finding[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  problem(path: string, what: string): void {
    this.problems.push({ path: relative(this.#folder, path), what });
  }

  note(path: string, what: string): void {
    this.notes.push({ path: relative(this.#folder, path), what });
  }

  /** What `look` returns; `undefined` where what it looks at is bad, which is a problem of `path` then. */
  async collect<T>(path: string, look: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isBad(error)) throw error;
      this.problem(path, withoutPath(error.message, path));
      return undefined;
    }
  }

  /** What lies where nobody of ours put it. */
  stranger(folder: string, name: string): void {
    const leftBehind = name.startsWith(".") && name.endsWith(".tmp");
    this.note(
      join(folder, name),
      leftBehind
        ? "left by a command that was cut off: remove it"
        : "not one of ours: not looked at",
    );
  }
}

/** The path is said once, in front of what was found. */
function withoutPath(message: string, path: string): string {
  for (const start of [`${path}: `, `${path} `])
    if (message.startsWith(start)) return message.slice(start.length);
  return message;
}

function isBad(error: unknown): error is VeilError {
  return (
    isVeilError(error, "BAD_DOCUMENT") ||
    isVeilError(error, "BAD_CREDENTIAL") ||
    isVeilError(error, "SECRET_FILE") ||
    isVeilError(error, "BAD_ARGUMENT")
  );
}
