/**
 * Mail in ZooKeeper (PROTOCOL.md §4, Mail): `/veilmq/<tenant>/mail/<clientId>/<number>`, for the client with that login
 * alone. It lies there until the client has acknowledged it. The bridge knows who signed it, and nothing of what is
 * inside. A mail is complete: with a newer one the older ones say nothing more, and go.
 */
import type { KeyObject } from "node:crypto";
import { isVeilError } from "../../core/errors.ts";
import type { ZooKeeper } from "../../core/ports/zookeeper/zookeeper.ts";
import type { Logger } from "../../core/runtime/log.ts";
import { mailboxPath, mailPath } from "../../core/wire/directory.ts";
import { verifyDocument } from "../../core/wire/document.ts";
import { mailNumberField } from "../../core/wire/fields.ts";
import type { Login } from "../../core/wire/login.ts";
import type { NumberedMail } from "../../core/wire/mqtt.ts";
import { Followings } from "./followings.ts";

export interface MailboxesOptions {
  readonly zookeeper: Pick<ZooKeeper, "get" | "children" | "delete" | "watchChildren">;
  /** The KMS public key of a tenant, `null` where it is not served. */
  readonly kmsPublicKey: (tenant: string) => KeyObject | null;
  readonly log: Logger;
}

export class Mailboxes {
  readonly #options: MailboxesOptions;
  readonly #followings: Followings;

  constructor(options: MailboxesOptions) {
    this.#options = options;
    this.#followings = new Followings(options.zookeeper);
  }

  /** A client's mail, the oldest first. Throws as `ZooKeeper.get`. */
  async read(login: Login): Promise<NumberedMail[]> {
    const { zookeeper } = this.#options;
    const names = (await zookeeper.children(mailboxPath(login.tenant, login.client))) ?? [];
    const mail: NumberedMail[] = [];
    for (const number of numbersOf(names)) {
      const document = await this.open(login, number);
      if (document) mail.push({ number, document });
    }
    return mail;
  }

  /** One mail; `null` where it is gone, or the KMS did not sign it for this place. Throws as `ZooKeeper.get`. */
  async open({ tenant, client }: Login, number: number): Promise<Buffer | null> {
    const { zookeeper, log } = this.#options;
    const path = mailPath(tenant, client, number);
    const node = await zookeeper.get(path);
    const kmsPublicKey = this.#options.kmsPublicKey(tenant);
    if (!node || !kmsPublicKey) return null;
    try {
      verifyDocument("mail", path, node.data, kmsPublicKey);
      return node.data;
    } catch (error) {
      if (!isVeilError(error, "BAD_DOCUMENT")) throw error;
      log.error({ err: error, path }, "a mail was refused");
      return null;
    }
  }

  /** Takes away the mail with this number and every older one. Throws as `ZooKeeper.delete`. */
  async remove(login: Login, number: number): Promise<void> {
    await removeMail(this.#options.zookeeper, login, (other) => other <= number);
  }

  /**
   * Tells the newest mail's number, `null` where there is none: now, and after each change while it is connected to
   * ZooKeeper. Returns what ends it.
   */
  follow({ tenant, client }: Login, onNewest: (number: number | null) => void): () => void {
    return this.#followings.follow(mailboxPath(tenant, client), (names) =>
      onNewest(numbersOf(names).at(-1) ?? null),
    );
  }
}

/** Takes away all of a client's mail whose numbers are chosen. Throws as `ZooKeeper.delete`. */
export async function removeMail(
  zookeeper: Pick<ZooKeeper, "children" | "delete">,
  { tenant, client }: Login,
  isChosen: (number: number) => boolean,
): Promise<void> {
  const names = (await zookeeper.children(mailboxPath(tenant, client))) ?? [];
  for (const number of numbersOf(names))
    if (isChosen(number)) await zookeeper.delete(mailPath(tenant, client, number));
}

/** Those among a mailbox's children that are numbers of mail, ascending. */
function numbersOf(names: readonly string[]): number[] {
  return names
    .filter((name) => /^[1-9][0-9]*$/.test(name) && mailNumberField.safeParse(Number(name)).success)
    .map(Number)
    .sort((a, b) => a - b);
}
