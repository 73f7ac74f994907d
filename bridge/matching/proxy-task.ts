/**
 * What crosses between the bridge and its worker threads: text, bytes, and keys, which Node clones. Not as JSON: what reads
 * that with care takes longer to start in a thread than all the mathematics.
 */
import type { Halves, ProxyInput, PublicParameters } from "../../core/scheme/suite.ts";

/** One computation for one client. */
export type ProxyTask = {
  readonly realm: ProxyInput["realm"];
  readonly parameters: PublicParameters;
} & (
  | {
      readonly work: "match";
      readonly halves: Pick<Halves, "tag">;
      readonly token: Uint8Array;
      /** Where the token has to be a trapdoor that this consumer signed. */
      readonly consumer: ProxyInput["consumer"];
    }
  | {
      readonly work: "release";
      readonly halves: Required<Pick<Halves, "record">>;
      readonly wrapped: Uint8Array;
    }
  | { readonly work: "check"; readonly wrapped: Uint8Array }
);

/** The tag (32 bytes) of a match, V of a release, nothing of a check. A plain `Uint8Array` when it has come back. */
export type ProxyAnswer = Uint8Array;

/** A task as it was sent: Node clones a Buffer as a plain `Uint8Array`. */
export function received(task: ProxyTask): ProxyTask {
  const parameters = receivedParameters(task.parameters);
  switch (task.work) {
    case "match":
      return { ...task, parameters, halves: { tag: bufferOf(task.halves.tag) } };
    case "release":
      return { ...task, parameters, halves: { record: bufferOf(task.halves.record) } };
    case "check":
      return { ...task, parameters };
  }
}

function receivedParameters(parameters: PublicParameters): PublicParameters {
  switch (parameters.suite) {
    case "rsa": {
      const { suite, nTag, nRec } = parameters;
      return { suite, nTag: bufferOf(nTag), nRec: bufferOf(nRec) };
    }
    case "p256":
      return { suite: parameters.suite, xRec: bufferOf(parameters.xRec) };
    case "hmac":
    case "pki":
      return parameters;
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
