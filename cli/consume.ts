/** Runs a consumer for `veilmq consume`. */
import { homedir } from "node:os";
import { join } from "node:path";
import { Consumer } from "../agent/consumer/consumer.ts";
import { FileSink, type LineSink, StreamSink } from "../agent/consumer/sinks.ts";
import { isVeilError } from "../core/errors.ts";
import { readSecretFile } from "../core/runtime/files.ts";
import { shutdownSignal } from "../core/runtime/lifecycle.ts";
import { createLog } from "../core/runtime/log.ts";
import { type Credential, decodeCredential } from "../core/wire/credential.ts";
import { topicName } from "../core/wire/fields.ts";
import { TOPIC_NOT_FOUND } from "../core/wire/http.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { reportError } from "./messages.ts";

export interface ConsumeOptions {
  readonly credential: string;
  readonly state?: string;
  readonly output?: string;
  readonly rejects?: string;
  readonly verbose?: true;
  readonly wait?: true;
}

/** Reads until a signal; what the process should end with. */
export async function consume(
  topics: readonly string[],
  options: ConsumeOptions,
): Promise<ExitCode> {
  const signal = shutdownSignal();
  const credential = decodeCredential(await readSecretFile(options.credential));
  const output: LineSink = options.output
    ? new FileSink(options.output)
    : new StreamSink(process.stdout);
  const consumer = new Consumer({
    credential,
    topics: [...new Set(topics.map(topicName))],
    stateDir: options.state ?? defaultState(credential),
    output,
    rejects: options.rejects ? new FileSink(options.rejects) : null,
    wait: options.wait === true,
    log: createLog("consumer", options.verbose ? "info" : "warn"),
  });
  try {
    await consumer.run(signal);
    return EXIT.OK;
  } catch (error) {
    const code = reportError(error);
    const isTopic = isVeilError(error, "NOT_FOUND") && error.message === TOPIC_NOT_FOUND;
    return isTopic ? EXIT.TOPIC_NOT_FOUND : code;
  }
}

function defaultState({ tenant, client }: Credential): string {
  const base = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(base, "veilmq", tenant, client);
}
