/** Runs a consumer for `veilmq consume`. */
import { homedir } from "node:os";
import { join } from "node:path";
import { loadAccess } from "../agent/consumer/config.ts";
import { Consumer, type Observer } from "../agent/consumer/consumer.ts";
import { DeliverySink } from "../agent/consumer/deliver.ts";
import { runCommand } from "../agent/consumer/exec.ts";
import type { FormatName } from "../agent/consumer/format-names.ts";
import { FORMATS } from "../agent/consumer/formats.ts";
import { lagOf } from "../agent/consumer/positions.ts";
import type { From } from "../agent/consumer/range.ts";
import { encodeReading, lineOf } from "../agent/consumer/reading.ts";
import { FormattedSink, type ReadingSink } from "../agent/consumer/reading-sink.ts";
import { FileSink, StreamSink } from "../agent/consumer/sinks.ts";
import { TopicNotFoundError } from "../agent/consumer/topic-not-found.ts";
import { CredentialStore } from "../agent/credential-store.ts";
import { Webhook } from "../core/ports/http/webhook.ts";
import { readSecretFile } from "../core/runtime/files.ts";
import { leave, shutdownSignal } from "../core/runtime/lifecycle.ts";
import { createLog, type Logger } from "../core/runtime/log.ts";
import { type Credential, decodeCredential } from "../core/wire/credential.ts";
import { topicName } from "../core/wire/fields.ts";
import { Alerts } from "./consume-alerts.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printJson, printLine, reportError } from "./messages.ts";
import { AboveStatusLine, StatusLine } from "./status-line.ts";

export interface ConsumeFlags {
  readonly credential: string;
  readonly config?: string;
  readonly list?: true;
  readonly json?: true;
  readonly state?: string;
  readonly from?: From;
  readonly until?: number;
  readonly format: FormatName;
  readonly output?: string;
  readonly rejects?: string;
  readonly exec?: string;
  readonly webhook?: string;
  readonly webhookTokenFile?: string;
  readonly silence?: number;
  readonly alerts?: string;
  readonly mailEvery?: number;
  readonly threads: number;
  readonly wait?: true;
  readonly verbose?: true;
}

/** Prints what the credential may read, by the newest mail that was taken for it. */
export async function listTopics({ credential, state, json }: ConsumeFlags): Promise<void> {
  const given = decodeCredential(await readSecretFile(credential));
  const stateDir = state ?? defaultState(given);
  const { topics } = await new CredentialStore({ path: credential, stateDir }).load();
  for (const { name, ops } of topics) {
    if (!ops.includes("sub")) continue;
    if (json) printJson({ topic: name });
    else printLine(name);
  }
}

/** Reads until a signal; what the process should end with. */
export async function consume(names: readonly string[], flags: ConsumeFlags): Promise<ExitCode> {
  const signal = shutdownSignal();
  const given = decodeCredential(await readSecretFile(flags.credential));
  const stateDir = flags.state ?? defaultState(given);
  const credentialStore = new CredentialStore({ path: flags.credential, stateDir });
  const topics = [...new Set(names.map(topicName))];
  const log = createLog("consumer", flags.verbose ? "info" : "warn");
  const alertFile = flags.alerts === undefined ? null : new FileSink(flags.alerts);
  const isTerminal = process.stderr.isTTY;
  let status: StatusLine | null = null;
  const alerts = new Alerts({
    ...{ topics, isTerminal, file: alertFile },
    silenceMs: flags.silence ?? null,
  });
  const consumer = new Consumer({
    ...{ credentialStore, topics, stateDir, log },
    credential: await credentialStore.load(),
    ...(flags.mailEvery === undefined ? {} : { mailEveryMs: flags.mailEvery }),
    output: await openOutput(flags, { status: () => status, log }),
    rejects: flags.rejects ? new FileSink(flags.rejects) : null,
    wait: flags.wait === true,
    threads: flags.threads,
    from: flags.from ?? "checkpoint",
    untilMs: flags.until ?? null,
    access: flags.config === undefined ? {} : await loadAccess(flags.config),
    observer: alerts.observer satisfies Observer,
  });
  if (isTerminal) status = statusOf(consumer);
  try {
    await alertFile?.open(null);
    alerts.start((topic) => consumer.readToEndAtMs(topic));
    status?.start();
    await consumer.run(signal);
    return EXIT.OK;
  } catch (error) {
    status?.stop();
    const code = reportError(error);
    return error instanceof TopicNotFoundError ? EXIT.TOPIC_NOT_FOUND : code;
  } finally {
    status?.stop();
    await alerts.stop();
    await alertFile?.close();
    leave(log);
  }
}

interface OutputParts {
  readonly status: () => StatusLine | null;
  readonly log: Logger;
}

/** Throws CONFIG for a webhook that must not be spoken to, SECRET_FILE. */
async function openOutput(
  { exec, webhook, webhookTokenFile, output, format }: ConsumeFlags,
  { status, log }: OutputParts,
): Promise<ReadingSink> {
  if (exec !== undefined)
    return new DeliverySink({
      ...{ name: "the command", log },
      encode: encodeReading,
      attempt: (lines, signal) => runCommand(exec, lines.join(""), signal),
    });
  if (webhook !== undefined) {
    const token = webhookTokenFile && (await readSecretFile(webhookTokenFile)).toString().trim();
    const endpoint = new Webhook({ url: webhook, token: token || undefined });
    return new DeliverySink({
      ...{ name: "the webhook", log },
      encode: (reading) => JSON.stringify(lineOf(reading)),
      attempt: (items, signal) => endpoint.post(`[${items.join(",")}]`, signal),
      close: () => endpoint.stop(),
    });
  }
  const lines =
    output === undefined
      ? new AboveStatusLine(new StreamSink(process.stdout), () =>
          process.stdout.isTTY ? status() : null,
        )
      : new FileSink(output);
  return new FormattedSink(lines, FORMATS[format]);
}

function statusOf(consumer: Consumer): StatusLine {
  return new StatusLine({
    stream: process.stderr,
    describe: () => consumer.counts,
    positions: () => {
      const all = consumer.positions;
      return {
        offset: all.reduce((sum, { offset }) => sum + offset, 0n),
        lag: all.reduce((sum, position) => sum + lagOf(position), 0n),
      };
    },
  });
}

function defaultState({ tenant, client }: Credential): string {
  const base = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(base, "veilmq", tenant, client);
}
