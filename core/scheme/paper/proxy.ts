/**
 * Proxy-side of suite `paper` (PROTOCOL.md §2.5), the report's Listings 2, 3, 5 and 7, with what they do
 * wrong: the decimals are joined without padding, so that (d6,56) and (e1,d3) both read "36460", and
 * what cannot be read becomes the empty string, so that any two unreadable names are equal.
 * The bridge refuses this suite.
 */
import { paperPower } from "./power.ts";

/** The proxy's exponent for the producer (Listing 5). */
export const EI2 = 2173;
/** The proxy's exponent for the consumer (Listing 5). */
export const EJ2 = 2467;

const GROUP = /.{1,4}/gs;
/** What Java's `new BigInteger(group, 16)` reads. */
const JAVA_HEX = /^[+-]?[0-9a-f]+$/i;
/** Listing 7's answer where nothing matches. */
export const TOPIC_NOT_FOUND = "Topic not found";

/** `ZEnc(text, exponent)`: decimals without separator; "" where a group is not hexadecimal, as Listing 2's catch. */
export function zenc(text: string, exponent: number): string {
  const groups = text.match(GROUP) ?? [];
  if (!groups.every((group) => JAVA_HEX.test(group))) return "";
  return groups.map((group) => paperPower(Number.parseInt(group, 16), exponent)).join("");
}

/** The proxy's exponents for producers' names and for consumers' trapdoors. */
export interface PaperProxyKeys {
  readonly producer: number;
  readonly consumer: number;
}

const SEED_KEYS: PaperProxyKeys = { producer: EI2, consumer: EJ2 };

/** `ms_compare`: whether a producer's topic name and a consumer's trapdoor are of one topic. */
export function compare(topicName: string, trapdoor: string, keys = SEED_KEYS): boolean {
  return zenc(topicName, keys.producer) === zenc(trapdoor, keys.consumer);
}

/**
 * `enc_match` without its I/O: the first of the existing names (the children of /brokers/topics) that
 * compares equal, or `null`. As in Listing 7 a path before the trapdoor is cut off.
 */
export function encMatch(
  trapdoor: string,
  topicNames: readonly string[],
  keys = SEED_KEYS,
): string | null {
  const last = trapdoor.slice(trapdoor.lastIndexOf("/") + 1);
  return topicNames.find((name) => compare(name, last, keys)) ?? null;
}

/** Listing 7's answer: the match with the "host:port" of its first partition's leader, or "Topic not found". */
export function encMatchAnswer(match: { topicName: string; brokerAddress: string } | null): string {
  if (match === null) return TOPIC_NOT_FOUND;
  return JSON.stringify({ topic_name: match.topicName, brokerAddress: match.brokerAddress });
}
