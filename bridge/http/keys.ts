/** `POST /v1/keys` (PROTOCOL.md §3, "Release"): kids in, announcements and their V out; never a group element in. */
import type { z } from "zod";
import { isVeilError, VeilError } from "../../core/errors.ts";
import { decodeAnnouncement } from "../../core/wire/announcement.ts";
import type { keysRequestSchema, keysResponseSchema } from "../../core/wire/http.ts";
import type { Login } from "../../core/wire/login.ts";
import { isStillToCome } from "../directory/epochs.ts";
import type { Matching } from "../matching/matching.ts";
import type { Registry, RegistryEntry } from "../registry/types.ts";
import type { FreshDirectory } from "./fresh-directory.ts";
import { topicNotFound } from "./match.ts";
import { tagOfTopic } from "./topic-tag.ts";

/** What one request may cost: PDec takes 2 to 15 ms each. At least one for every kid. */
const MAX_RELEASES = 512;
/** Of one request, at a time: others are served in between. */
const CONCURRENT = 8;

type Released = z.input<typeof keysResponseSchema>["keys"][number];

export interface KeysOptions {
  readonly directory: FreshDirectory;
  readonly matching: Pick<Matching, "release">;
  readonly registry: Pick<Registry, "find">;
}

interface Candidate {
  readonly kid: Buffer;
  readonly entry: RegistryEntry;
  /** Which of its kid's entries it is: every kid has one before any has two. */
  readonly rank: number;
}

/** Throws NOT_FOUND without a grant, UNAVAILABLE for a key of an epoch that is on its way, and as `Registry.find` and `Matching.release`. */
export async function releaseKeys(
  { directory, matching, registry }: KeysOptions,
  login: Login,
  request: z.output<typeof keysRequestSchema>,
): Promise<z.input<typeof keysResponseSchema>> {
  const tag = tagOfTopic(request.topic_name);
  const { tenant, client } = directory.current(login);
  if (!directory.allows(client, "sub", tag, Date.now())) throw topicNotFound();
  const kids = [...new Map(request.kids.map((kid) => [kid.toString("hex"), kid])).values()];
  const candidates: Candidate[] = [];
  await aFewAtATime(kids, async (kid) => {
    const found = await registry.find({ tenant: tenant.name, tag, kid });
    candidates.push(...found.map((entry, rank) => ({ kid, entry, rank })));
  });
  candidates.sort((a, b) => a.rank - b.rank);
  const keys: Released[] = [];
  await aFewAtATime(candidates.slice(0, MAX_RELEASES), async ({ kid, entry }) => {
    const released = await release(kid, entry);
    if (released) keys.push(released);
  });
  const answered = new Set(keys.map(({ kid }) => kid));
  const missing = kids.map((kid) => kid.toString("base64url")).filter((kid) => !answered.has(kid));
  return { keys, missing };

  /** `null` where the entry cannot be released, whoever asks: its epoch has ended, or its W is none. */
  async function release(kid: Buffer, entry: RegistryEntry): Promise<Released | null> {
    // As of now: a revocation takes effect between two keys of one answer.
    const current = directory.current(login);
    const { epoch, wrapped } = decodeAnnouncement(entry.announcement);
    try {
      const released = await matching.release({ ...current, epoch, wrapped });
      return {
        kid: kid.toString("base64url"),
        ann: entry.announcement.toString("base64url"),
        V: released.toString("base64url"),
        cert: entry.cert.toString("base64url"),
      };
    } catch (error) {
      if (isVeilError(error, "BAD_RECORD")) return null;
      if (!isVeilError(error, "EPOCH")) throw error;
      if (!isStillToCome(current, epoch)) return null;
      // "Missing" would be for good: the consumer would reject what it can read in a moment.
      throw new VeilError(
        "UNAVAILABLE",
        "the keys are of an epoch that this bridge does not know yet",
        {
          cause: error,
        },
      );
    }
  }
}

async function aFewAtATime<T>(items: readonly T[], job: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await job(item);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, work));
}
