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
  readonly login: Login;
  readonly connection: Pick<MqttSession, "push">;
  readonly mailboxes: Pick<Mailboxes, "follow" | "open" | "remove">;
  /** Aborts when the connection has ended. */
  readonly ended: AbortSignal;
  readonly onDelivered: () => void;
  readonly log: Logger;
}

/** Follows the mailbox of a connected device until its connection ends. */
export function deliverMail(options: MailDeliveryOptions): void {
  if (options.ended.aborted) return;
  let newest: number | null = null;
  /** This device has acknowledged it: of the very same mail there is no need to hear again. */
  let delivered = 0;
  let working = false;

  const work = async (): Promise<void> => {
    working = true;
    const backoff = new Backoff(RETRY);
    while (newest !== null && newest > delivered && !options.ended.aborted) {
      const number: number = newest;
      try {
        if (await deliver(options, number)) options.onDelivered();
        delivered = number;
      } catch (error) {
        if (options.ended.aborted) break;
        options.log.warn({ err: error, tenant: options.login.tenant }, "mail waits");
        await backoff.wait(options.ended);
      }
    }
    working = false;
  };
  const stop = options.mailboxes.follow(options.login, (number) => {
    newest = number;
    if (!working) void work();
  });
  options.ended.addEventListener("abort", stop, { once: true });
}

/** Resolves when the mail is done with; whether it was delivered. Rejects with what ZooKeeper or the connection says. */
async function deliver(
  { login, connection, mailboxes }: MailDeliveryOptions,
  number: number,
): Promise<boolean> {
  const document = await mailboxes.open(login, number);
  if (!document) return false;
  await connection.push({ topic: MAIL_TOPIC, payload: encodeMailPush({ number, document }) }, 1);
  await mailboxes.remove(login, number);
  return true;
}
