/** What decides whether one document replaces another at its path (PROTOCOL.md §4). */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { isVeilError } from "../../core/errors.ts";
import { sha256 } from "../../core/scheme/bytes.ts";
import { documentKindOf, parseDocumentPath } from "../../core/wire/directory.ts";
import { openDocument } from "../../core/wire/document.ts";
import { serialField } from "../../core/wire/fields.ts";

export interface Version {
  readonly path: string;
  readonly serial: number;
  /** SHA-256 of the whole document, base64. */
  readonly digest: string;
}

export function digestOf(document: Uint8Array): string {
  return sha256(document).toString("base64");
}

const anySerial = z.object({ serial: serialField });

/** The serial of what lies at `path`; `null` unless the KMS signed it for that place. */
export function serialOf(path: string, document: Buffer, kmsPublicKey: KeyObject): number | null {
  const kind = documentKindOf(parseDocumentPath(path));
  try {
    return openDocument(kind, path, document, { kmsPublicKey, schema: anySerial }).serial;
  } catch (error) {
    if (isVeilError(error, "BAD_DOCUMENT")) return null;
    throw error;
  }
}
