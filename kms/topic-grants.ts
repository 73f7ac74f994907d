/** The topics of a client, as the owner keeps them: what `enrol`, `grant` and `ungrant` make of each other. */
import { VeilError } from "../core/errors.ts";
import { OPERATIONS, type Operation } from "../core/wire/directory.ts";
import { topicName } from "../core/wire/fields.ts";
import type { TopicGrant } from "./client-record.ts";
import { checkTime, FOREVER_MS } from "./time-text.ts";

export const MAX_TOPICS = 100_000;

/** Topics by operation. Names are brought to NFC here. */
export interface NamedTopics {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** When grants are in force, milliseconds since 1970: `from ≤ now < until`. */
export interface Validity {
  /** Without it a grant that is there keeps its beginning, and a new one has none. */
  readonly validFromMs?: number | undefined;
  /** Without it a grant that is there keeps its end, and a new one has none. {@link FOREVER_MS}: none, from now on. */
  readonly validUntilMs?: number | undefined;
}

/**
 * `topics` with those of `request` added; those that are there keep their places, so that most grants documents stay
 * as they are. Throws BAD_ARGUMENT; CONFLICT where a validity would also change an operation that was not named,
 * since a topic has one validity for both.
 */
export function addTopics(
  topics: readonly TopicGrant[],
  request: NamedTopics & Validity,
): TopicGrant[] {
  checkValidity(request);
  const named = operationsByName(request);
  if (named.size === 0)
    throw new VeilError("BAD_ARGUMENT", "a client needs a topic to publish or to subscribe to", {
      hint: "--publish and --subscribe name them",
    });
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  let conflicts = 0;
  for (const [name, ops] of named) {
    const before = byName.get(name);
    const after = withOperations(before, { name, ops, request });
    const others = before?.ops.some((operation) => !ops.has(operation)) ?? false;
    if (others && (before?.nbf !== after.nbf || before.exp !== after.exp)) conflicts++;
    byName.set(name, after);
  }
  if (conflicts > 0)
    throw new VeilError(
      "CONFLICT",
      `${conflicts} topics have another validity for the other operation`,
      {
        hint: "a topic has one validity: name it for --publish and for --subscribe, and both change",
      },
    );
  if (byName.size > MAX_TOPICS)
    throw new VeilError("BAD_ARGUMENT", `a client has at most ${MAX_TOPICS} topics`);
  return checked([...byName.values()]);
}

/** `topics` without those of `request`. Throws NOT_FOUND where one was not granted. */
export function removeTopics(topics: readonly TopicGrant[], request: NamedTopics): TopicGrant[] {
  const named = operationsByName(request);
  if (named.size === 0)
    throw new VeilError("BAD_ARGUMENT", "which topics? --publish, --subscribe, or --all");
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  let unknown = 0;
  for (const [name, ops] of named) {
    const before = byName.get(name);
    for (const operation of ops) if (!before?.ops.includes(operation)) unknown++;
    if (!before) continue;
    const left = before.ops.filter((operation) => !ops.has(operation));
    if (left.length === 0) byName.delete(name);
    else byName.set(name, { ...before, ops: left });
  }
  if (unknown > 0)
    throw new VeilError("NOT_FOUND", `${unknown} of these are not granted to the client`, {
      hint: "`veilmq kms show` names what it has; nothing was changed",
    });
  return [...byName.values()];
}

/** How many topics may be published, or subscribed to. */
export function countTopics(topics: readonly TopicGrant[], operation: Operation): number {
  return topics.filter(({ ops }) => ops.includes(operation)).length;
}

function operationsByName({ publish, subscribe }: NamedTopics): Map<string, Set<Operation>> {
  const named = new Map<string, Set<Operation>>();
  const add = (names: readonly string[], operation: Operation): void => {
    for (const text of names) {
      const name = topicName(text);
      named.set(name, (named.get(name) ?? new Set()).add(operation));
    }
  };
  add(publish, "pub");
  add(subscribe, "sub");
  return named;
}

function withOperations(
  before: TopicGrant | undefined,
  { name, ops, request }: { name: string; ops: ReadonlySet<Operation>; request: Validity },
): TopicGrant {
  return {
    name,
    ops: OPERATIONS.filter((operation) => ops.has(operation) || before?.ops.includes(operation)),
    // No beginning: the owner's clock, offline for months, must not keep a client out.
    nbf: request.validFromMs ?? before?.nbf ?? 0,
    exp: request.validUntilMs ?? before?.exp ?? FOREVER_MS,
  };
}

function checkValidity({ validFromMs, validUntilMs }: Validity): void {
  if (validFromMs !== undefined) checkTime(validFromMs, "the grants' beginning");
  if (validUntilMs !== undefined) checkTime(validUntilMs, "the grants' end");
  if (validUntilMs !== undefined && validUntilMs <= Date.now())
    throw new VeilError("BAD_ARGUMENT", "the grants' end is in the past");
}

function checked(topics: TopicGrant[]): TopicGrant[] {
  if (topics.some(({ nbf, exp }) => nbf >= exp))
    throw new VeilError("BAD_ARGUMENT", "the grants would end before they begin");
  return topics;
}
