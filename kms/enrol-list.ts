/** A list of clients to enrol, as CSV: read as a whole, with all that is wrong in it, before anything is made. */
import { isVeilError } from "../core/errors.ts";
import { OPERATIONS, type Operation } from "../core/wire/directory.ts";
import { checkName, topicName } from "../core/wire/fields.ts";
import type { TopicGrant } from "./client-record.ts";
import { type CsvRow, parseCsv } from "./csv.ts";
import { FOREVER_MS, parseEnd, parseTime } from "./time-text.ts";
import { MAX_TOPICS } from "./topic-grants.ts";

const COLUMNS = ["client", "publish", "subscribe", "valid_from", "valid_until", "signs"] as const;
type Column = (typeof COLUMNS)[number];

/** One client of the list. */
export interface ListedEnrolment {
  readonly client: string;
  /** Where it is named first. */
  readonly line: number;
  readonly signs: boolean;
  readonly topics: TopicGrant[];
}

export interface EnrolList {
  readonly clients: readonly ListedEnrolment[];
  /** Each with its line; none of them holds a topic's name. */
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly line: number;
  readonly what: string;
}

interface Draft {
  readonly client: string;
  readonly line: number;
  signs: boolean | undefined;
  readonly topics: Map<string, { ops: Set<Operation>; nbf: number; exp: number }>;
}

/**
 * Reads the list. The first row names the columns: `client`, and any of `publish`, `subscribe`, `valid_from`,
 * `valid_until` and `signs`. Several topics stand in one field, apart by `separator`, or in rows of their own.
 */
export function readEnrolList(text: string, separator = "|"): EnrolList {
  const { rows, openQuoteAt } = parseCsv(text);
  const reading = new Reading(separator);
  const [header, ...body] = rows;
  if (header) reading.header(header);
  else reading.problem(1, "the file is empty: its first row names the columns");
  if (reading.hasColumns) for (const row of body) reading.row(row);
  if (openQuoteAt !== null) reading.problem(openQuoteAt, "a quote opens here and never closes");
  return reading.finish();
}

class Reading {
  readonly #separator: string;
  readonly #problems: Problem[] = [];
  readonly #drafts = new Map<string, Draft>();
  #columns: readonly string[] = [];
  hasColumns = false;

  constructor(separator: string) {
    this.#separator = separator;
  }

  problem(line: number, what: string): void {
    this.#problems.push({ line, what });
  }

  header({ line, fields }: CsvRow): void {
    const known: readonly string[] = COLUMNS;
    this.#columns = fields.map((field) => field.trim().toLowerCase());
    const before = this.#problems.length;
    this.#columns.forEach((column, index) => {
      if (!known.includes(column))
        this.problem(line, `column ${index + 1} is none of ${COLUMNS.join(", ")}`);
      else if (this.#columns.indexOf(column) < index) this.problem(line, `${column} comes twice`);
    });
    if (!this.#columns.includes("client")) this.problem(line, "there is no column client");
    this.hasColumns = this.#problems.length === before;
  }

  row({ line, fields }: CsvRow): void {
    if (fields.length > this.#columns.length) {
      this.problem(line, `has ${fields.length} fields, of ${this.#columns.length} columns`);
      return;
    }
    const field = (column: Column): string => fields[this.#columns.indexOf(column)]?.trim() ?? "";
    const client = this.#try(line, () => checkName(field("client"), "the client"));
    const signs = this.#signs(line, field("signs"));
    const validity = this.#validity(line, field("valid_from"), field("valid_until"));
    if (client === undefined) return;
    const draft = this.#draft(client, line);
    if (signs !== undefined && draft.signs !== undefined && signs !== draft.signs)
      this.problem(line, `signs is otherwise than in line ${draft.line}`);
    draft.signs ??= signs;
    if (validity) {
      this.#addTopics(draft, line, { ops: "pub", names: field("publish"), ...validity });
      this.#addTopics(draft, line, { ops: "sub", names: field("subscribe"), ...validity });
    }
  }

  finish(): EnrolList {
    const clients = [...this.#drafts.values()].map(({ client, line, signs = false, topics }) => {
      if (topics.size === 0 && !this.#problems.some((problem) => problem.line === line))
        this.problem(line, "the client has no topic");
      if (topics.size > MAX_TOPICS) this.problem(line, `a client has at most ${MAX_TOPICS} topics`);
      return { client, line, signs, topics: [...topics].map(asGrant) };
    });
    if (this.hasColumns && clients.length === 0 && this.#problems.length === 0)
      this.problem(1, "there is no client below the columns' names");
    return { clients, problems: this.#problems.sort((a, b) => a.line - b.line) };
  }

  #draft(client: string, line: number): Draft {
    const draft = this.#drafts.get(client) ?? { client, line, signs: undefined, topics: new Map() };
    this.#drafts.set(client, draft);
    return draft;
  }

  #signs(line: number, text: string): boolean | undefined {
    if (text === "") return undefined;
    if (text !== "yes" && text !== "no") this.problem(line, "signs must be yes or no");
    return text === "yes";
  }

  #validity(line: number, from: string, until: string): { nbf: number; exp: number } | undefined {
    const nbf = from === "" ? 0 : parseTime(from);
    const exp = until === "" ? FOREVER_MS : parseEnd(until);
    if (nbf === null) this.problem(line, "valid_from must be a date, such as 2027-01-01");
    if (exp === null)
      this.problem(line, "valid_until must be a date, such as 2027-12-31, or never");
    if (nbf === null || exp === null) return undefined;
    if (exp <= Date.now()) this.problem(line, "valid_until is in the past");
    else if (nbf >= exp) this.problem(line, "valid_until is not after valid_from");
    return { nbf, exp };
  }

  #addTopics(
    { topics }: Draft,
    line: number,
    { ops, names, nbf, exp }: { ops: Operation; names: string; nbf: number; exp: number },
  ): void {
    if (names === "") return;
    for (const text of names.split(this.#separator)) {
      const name = this.#try(line, () => topicName(text.trim()));
      if (name === undefined) continue;
      const topic = topics.get(name) ?? { ops: new Set(), nbf, exp };
      if (topic.nbf !== nbf || topic.exp !== exp)
        this.problem(line, "a topic has another validity here than in a row before");
      topics.set(name, { ...topic, ops: topic.ops.add(ops) });
    }
  }

  #try<T>(line: number, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isVeilError(error)) throw error;
      this.problem(line, error.message);
      return undefined;
    }
  }
}

function asGrant([name, { ops, nbf, exp }]: [
  string,
  { ops: Set<Operation>; nbf: number; exp: number },
]): TopicGrant {
  return { name, ops: OPERATIONS.filter((operation) => ops.has(operation)), nbf, exp };
}
