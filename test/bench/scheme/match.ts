/**
 * One subscription among T topics: the report's scan and our look-up, in one process and one run. Without ZooKeeper on
 * either side: the report reads all names (one call, which ZooKeeper's packet of 1 MiB ends at some 8,000 topics), we
 * follow the one topic.
 *
 * The topic asked for stands in the middle of the list, where a scan ends on average.
 */
import { randomBytes } from "node:crypto";
import { GrantTable, packGrants } from "../../../bridge/directory/grant-table.ts";
import { VeilError } from "../../../core/errors.ts";
import { clientRole } from "../../../core/scheme/client.ts";
import type { Master } from "../../../core/scheme/owner.ts";
import { ownerTag, publicParameters, splitHalves } from "../../../core/scheme/owner.ts";
import { EI1, EJ1, enc } from "../../../core/scheme/paper/client.ts";
import { encMatch } from "../../../core/scheme/paper/proxy.ts";
import { proxyRole } from "../../../core/scheme/proxy.ts";
import { kafkaTopicOf, tagOf } from "../../../core/scheme/tag.ts";
import type { Contestant } from "../framework/interleave.ts";
import { listedEncMatch } from "./listings.ts";

/** The consumer's grants come in chunks of so many (PROTOCOL.md §4). */
const CHUNK = 2_000;
const MANY = 10_000;
const REALM = { tenant: "bench", epoch: 1 };

function topic(n: number): string {
  return `topic-${n}`;
}

/** The report's side: `topics` names, and the trapdoor of the one in the middle. */
export class Scan {
  readonly #stored: readonly string[];
  readonly #trapdoor: string;
  readonly #wanted: string;

  constructor(topics: number) {
    this.#stored = Array.from({ length: topics }, (_, n) => enc(topic(n), EI1));
    const middle = Math.floor(topics / 2);
    this.#trapdoor = enc(topic(middle), EJ1);
    this.#wanted = enc(topic(middle), EI1);
  }

  /** As printed. */
  listed(): Contestant {
    const run = (): void => this.#check(listedEncMatch);
    const name = "the report's, as listed";
    // Minutes at 100,000 topics: one scan, which needs no warming up.
    return this.#stored.length < MANY ? { name, run } : { name, run, operations: 1 };
  }

  /** With powers taken modulo N on the way, in ordinary numbers. */
  modular(): Contestant {
    return { name: "the report's, with modular powers", run: () => this.#check(encMatch) };
  }

  #check(match: (trapdoor: string, stored: readonly string[]) => string | null): void {
    // Another topic's name may encode to the same digits: then the first one wins, as it did for the report.
    const found = match(this.#trapdoor, this.#stored);
    if (found !== this.#wanted) throw new VeilError("INTERNAL", "the scan found another topic");
  }
}

/** Our side: a consumer that is granted every topic, as what the bridge holds of it. */
export class LookUp {
  readonly #name: string;
  readonly #run: () => void;

  /** The tags of the topics that are not asked for are random: that is how tags look. */
  constructor(name: string, { master, topics }: { master: Master; topics: number }) {
    const parameters = publicParameters(master);
    const halves = splitHalves({ master, random: randomBytes, consumer: false });
    const wanted = topic(Math.floor(topics / 2));
    const wantedTag = ownerTag({ master, realm: REALM, topic: wanted });
    const tags: Buffer[] = Array.from({ length: topics - 1 }, () => randomBytes(wantedTag.length));
    tags.splice(Math.floor(topics / 2), 0, wantedTag);
    const leaders = new Map(tags.map((tag) => [kafkaTopicOf(tag), "127.0.0.1:9092"]));
    const grants = new GrantTable(chunksOf(tags));
    const token = clientRole({ realm: REALM, parameters, halves: halves.client }).token(wanted);
    const proxy = proxyRole({ realm: REALM, parameters, halves: halves.proxy });
    this.#name = name;
    this.#run = () => {
      const tag = tagOf(proxy.suite, REALM, proxy.transform(token));
      const isGranted = grants.has(tag.toString("hex"));
      if (!isGranted || !leaders.has(kafkaTopicOf(tag)))
        throw new VeilError("INTERNAL", "the look-up did not find its topic");
    };
  }

  contestant(): Contestant {
    return { name: this.#name, run: this.#run };
  }
}

function chunksOf(tags: readonly Buffer[]): ReturnType<typeof packGrants>[] {
  const grants = tags.map((tag) => ({ tag, ops: ["sub" as const], nbf: 0, exp: 2 ** 53 - 1 }));
  return Array.from({ length: Math.ceil(grants.length / CHUNK) }, (_, n) =>
    packGrants(grants.slice(n * CHUNK, (n + 1) * CHUNK)),
  );
}
