/**
 * A consumer's mail (PROTOCOL.md §4, Mail; §6): asked for at the start, every so often, and at once when a bridge says
 * that an epoch is not in force. What is stored, or refused, is removed at the bridge.
 */
import { isVeilError } from "../../core/errors.ts";
import { Wake } from "../../core/ports/kafka/wake.ts";
import { pause } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { OwnCredential } from "../own-credential.ts";
import type { BridgeClient } from "./bridge-client.ts";

/** Between two questions, however many reasons there are. */
const MIN_INTERVAL_MS = 1000;
/** A third more or less each time, so that consumers do not ask in step. */
const JITTER = 1 / 3;

export interface MailboxOptions {
  readonly bridge: Pick<BridgeClient, "mail" | "deleteMail">;
  readonly credential: Pick<OwnCredential, "receive" | "reload">;
  /** On average. */
  readonly everyMs: number;
  readonly log: Logger;
}

export class Mailbox {
  readonly #options: MailboxOptions;
  readonly #wake = new Wake();

  constructor(options: MailboxOptions) {
    this.#options = options;
  }

  /** Asks once. What goes wrong with the bridge is logged: it is asked again. */
  async check(): Promise<void> {
    const { bridge, credential, log } = this.#options;
    // Another process of this client may have taken the mail.
    await credential.reload();
    try {
      for (const mail of await bridge.mail())
        if (await credential.receive(mail)) await bridge.deleteMail(mail.number);
    } catch (error) {
      if (!isVeilError(error)) throw error;
      log.debug({ err: error }, "cannot ask for mail");
    }
  }

  /** There may be mail now. */
  hurry(): void {
    this.#wake.notify();
  }

  /** Asks again and again until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs } = this.#options;
    while (!signal.aborted) {
      await this.#wake.wait(everyMs * (1 - JITTER + 2 * JITTER * Math.random()), signal);
      if (!(await pause(MIN_INTERVAL_MS, signal))) return;
      await this.check();
    }
  }
}
