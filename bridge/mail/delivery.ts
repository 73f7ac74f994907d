/**
 * Mail for a device that is connected here (PROTOCOL.md §5): pushed on `v1/mail` with QoS 1, the newest only, and taken
 * away when the device has acknowledged it, which it does when its credential is on disk. What is not acknowledged stays,
 * for the next connection: to this bridge or another.
 *
 *   connected → follow the mailbox → newest → push → PUBACK → remove
 */
import type { MqttSession } from "../../core/ports/mqtt/server-types.ts";
import { Backoff } from "../../core/runtime/backoff.ts";
import type { Logger } from "../../core/runtime/log.ts";
import type { Login } from "../../core/wire/login.ts";
import { encodeMailPush, MAIL_TOPIC } from "../../core/wire/mqtt.ts";
import type { Mailboxes } from "./mailboxes.ts";

const RETRY = { minMs: 500, maxMs: 30_000 } as const;

export interface MailDeliveryOptions {
  readonly mailboxes: Pick<Mailboxes, "follow" | "open" | "remove">;
  readonly onDelivered: (tenant: string) => void;
  readonly log: Logger;
}

/** A device that is connected. */
export interface Recipient {
  readonly login: Login;
  readonly connection: Pick<MqttSession, "push">;
  readonly hasEnded: boolean;
  /** Aborts when the connection has ended. */
  readonly ended: AbortSignal;
}

/** Follows the mailbox of a connected device until `stop()`. */
export class MailDelivery {
  readonly #options: MailDeliveryOptions;
  readonly #recipient: Recipient;
  readonly #stop: () => void;
  #newest: number | null = null;
  /** This device has acknowledged it: of the very same mail there is no need to hear again. */
  #delivered = 0;
  #working = false;

  constructor(options: MailDeliveryOptions, recipient: Recipient) {
    this.#options = options;
    this.#recipient = recipient;
    this.#stop = options.mailboxes.follow(recipient.login, (number) => {
      this.#newest = number;
      if (!this.#working) void this.#work();
    });
  }

  stop(): void {
    this.#stop();
  }

  async #work(): Promise<void> {
    const { onDelivered, log } = this.#options;
    const recipient = this.#recipient;
    const { tenant } = recipient.login;
    this.#working = true;
    const backoff = new Backoff(RETRY);
    while (this.#newest !== null && this.#newest > this.#delivered && !recipient.hasEnded) {
      const number: number = this.#newest;
      try {
        if (await deliver(this.#options, recipient, number)) onDelivered(tenant);
        this.#delivered = number;
      } catch (error) {
        if (recipient.hasEnded) break;
        log.warn({ err: error, tenant }, "mail waits");
        await backoff.wait(recipient.ended);
      }
    }
    this.#working = false;
  }
}

/** Resolves when the mail is done with; whether it was delivered. Rejects with what ZooKeeper or the connection says. */
async function deliver(
  { mailboxes }: MailDeliveryOptions,
  { login, connection }: Recipient,
  number: number,
): Promise<boolean> {
  const document = await mailboxes.open(login, number);
  if (!document) return false;
  await connection.push({ topic: MAIL_TOPIC, payload: encodeMailPush({ number, document }) }, 1);
  await mailboxes.remove(login, number);
  return true;
}
