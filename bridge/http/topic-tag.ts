/** Back from the name of a Kafka topic to its tag (PROTOCOL.md §2.1). */
import { VeilError } from "../../core/errors.ts";
import { kafkaTopicOf, TAG_BYTES } from "../../core/scheme/tag.ts";

const PREFIX = "veil-";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The 32-byte tag of `"veil-" ‖ base32(tag)`. Throws BAD_ARGUMENT for anything else. */
export function tagOfTopic(topic: string): Buffer {
  const bytes: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const character of topic.slice(PREFIX.length)) {
    buffer = ((buffer << 5) | BASE32.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((buffer >> bits) & 0xff);
  }
  const tag = Buffer.from(bytes);
  // The way there is the judge: foreign characters, lengths and stray last bits all fail it.
  if (tag.length !== TAG_BYTES || kafkaTopicOf(tag) !== topic)
    throw new VeilError("BAD_ARGUMENT", "not the name of a topic of this system");
  return tag;
}
