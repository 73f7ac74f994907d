/** The field types that every JSON message of PROTOCOL.md shares. Bytes in JSON are b64url (RFC 4648 §5, no padding). */
import { z } from "zod";
import { VeilError } from "../errors.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const MAX_TOPIC_BYTES = 1024;

/** `[a-z0-9][a-z0-9._-]{0,63}`: a tenant or a clientId. */
export const nameField = z.string().regex(NAME, "must be 1 to 64 of a-z 0-9 . _ -");

/** Bytes as b64url, of exactly `length` bytes if it is given; canonical text only. */
export function bytesField(length?: number) {
  return z.string().transform((text, context): Buffer => {
    const bytes = Buffer.from(text, "base64url");
    if (bytes.toString("base64url") !== text)
      context.addIssue({ code: "custom", message: "must be b64url without padding" });
    else if (length !== undefined && bytes.length !== length)
      context.addIssue({ code: "custom", message: `must be ${length} bytes` });
    return bytes;
  });
}

/** A topic name: 1 to 1,024 bytes of UTF-8 without control characters, in NFC. */
export const topicField = z.string().transform((text, context) => {
  const problem = topicProblem(text.normalize("NFC"));
  if (problem) context.addIssue({ code: "custom", message: problem });
  return text.normalize("NFC");
});

/** A number of 64 bits, which JSON has none of, in decimal. */
export const decimalField = z.string().regex(/^(0|[1-9][0-9]{0,19})$/, "must be decimal digits");

export const epochField = z.int().min(0).max(0xffff_ffff);
export const serialField = z.int().min(1);
export const timeMsField = z.int().min(0);
/** A mail's number, which is its serial: at most 15 digits, as paths have room for. */
export const mailNumberField = z.int().min(1).max(999_999_999_999_999);

function topicProblem(text: string): string | undefined {
  if (!text.isWellFormed()) return "must be valid Unicode";
  const bytes = Buffer.byteLength(text, "utf8");
  if (bytes < 1 || bytes > MAX_TOPIC_BYTES) return `must be 1 to ${MAX_TOPIC_BYTES} bytes`;
  return /\p{Cc}/u.test(text) ? "must not hold control characters" : undefined;
}

/** Brings a topic name to NFC where it enters. Throws BAD_ARGUMENT; the message does not repeat the name. */
export function topicName(text: string): string {
  const name = text.normalize("NFC");
  const problem = topicProblem(name);
  if (problem) throw new VeilError("BAD_ARGUMENT", `a topic name ${problem}`);
  return name;
}

/** Checks a tenant or clientId. Throws BAD_ARGUMENT. */
export function checkName(text: string, what: string): string {
  if (!NAME.test(text))
    throw new VeilError(
      "BAD_ARGUMENT",
      `${what} must be 1 to 64 of a-z 0-9 . _ -, and start with a letter or digit`,
    );
  return text;
}

/**
 * JSON bytes against a schema. Throws `code` with every problem's field, never its value. zod compiles a schema's checks
 * when they are first made; a `context` that says `jitless` spares what is parsed only once the time for that.
 */
export function parseJson<S extends z.ZodType>(
  bytes: Uint8Array | string,
  schema: S,
  code: "BAD_DOCUMENT" | "BAD_CREDENTIAL" | "BAD_ARGUMENT" = "BAD_ARGUMENT",
  context?: z.core.ParseContext<z.core.$ZodIssue>,
): z.infer<S> {
  let value: unknown;
  try {
    value = JSON.parse(typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8"));
  } catch {
    throw new VeilError(code, "not valid JSON");
  }
  const result = schema.safeParse(value, context);
  if (result.success) return result.data;
  const fields = result.error.issues.map((i) => i.path.map(String).join(".") || "(message)");
  throw new VeilError(
    code,
    `these fields are missing or wrong: ${[...new Set(fields)].join(", ")}`,
  );
}
