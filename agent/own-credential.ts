/**
 * A client's credential while it runs: what mail makes of it takes the place of the one before (PROTOCOL.md §4, Mail).
 *
 *   mail → verified, opened → on disk → in use → acknowledged
 *
 * Killed anywhere on that way, the client has either credential whole, and the mail comes again or is known by its
 * serial. Mail that is refused is acknowledged too: the same bytes are no better the next time, and must not stand
 * before the true mail.
 */
import { isVeilError } from "../core/errors.ts";
import type { Logger } from "../core/runtime/log.ts";
import { type Credential, newestEpoch } from "../core/wire/credential.ts";
import { takeMail } from "../core/wire/mail.ts";
import type { NumberedMail } from "../core/wire/mqtt.ts";
import type { CredentialStore } from "./credential-store.ts";

export interface OwnCredentialOptions {
  /** As it was loaded. */
  readonly credential: Credential;
  readonly store: Pick<CredentialStore, "load" | "save">;
  readonly log: Logger;
  /** Puts a newer one in use. Called when it is on disk; must not throw. */
  readonly onSwap: (credential: Credential) => void;
}

export class OwnCredential {
  readonly #options: OwnCredentialOptions;
  #current: Credential;
  /** One mail at a time. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(options: OwnCredentialOptions) {
    this.#options = options;
    this.#current = options.credential;
  }

  get current(): Credential {
    return this.#current;
  }

  /** Takes mail; returns whether it is done with and may be forgotten. Never rejects. */
  async receive(mail: NumberedMail): Promise<boolean> {
    const received = this.#tail.then(() => this.#receive(mail));
    this.#tail = received;
    return received;
  }

  /** Takes over what another process of this client has put on disk meanwhile. Never rejects. */
  async reload(): Promise<void> {
    const reloaded = this.#tail.then(() => this.#reload());
    this.#tail = reloaded;
    await reloaded;
  }

  async #receive(mail: NumberedMail): Promise<boolean> {
    const { log, store } = this.#options;
    // Stored, and its acknowledgement was lost.
    if (mail.number === this.#current.serial) return true;
    let next: Credential;
    try {
      next = await takeMail(this.#current, mail);
      newestEpoch(next);
    } catch (error) {
      const hint = "it is thrown away; the owner can send new keys again: `veilmq kms rotate`";
      log.warn({ err: error, mail: mail.number, hint }, "mail was refused");
      return true;
    }
    try {
      await store.save(next);
    } catch (error) {
      log.error({ err: error }, "new keys came and cannot be stored; they will come again");
      return false;
    }
    this.#swap(next);
    return true;
  }

  async #reload(): Promise<void> {
    const { log, store } = this.#options;
    try {
      const stored = await store.load();
      if (isSuccessor(stored, this.#current)) this.#swap(stored);
    } catch (error) {
      if (!isVeilError(error)) throw error;
      log.debug({ err: error }, "the credential cannot be read again");
    }
  }

  #swap(next: Credential): void {
    const { log, onSwap } = this.#options;
    const before = newestEpoch(this.#current).epoch;
    this.#current = next;
    const { epoch } = newestEpoch(next);
    const epochs = next.epochs.map((each) => each.epoch);
    log.info({ epoch, before, epochs, serial: next.serial }, "new keys are in use");
    onSwap(next);
  }
}

/** Whether mail alone lies between the two: a client that was enrolled again has to start again, too. */
function isSuccessor(next: Credential, { serial, secret, kmsPublicKey }: Credential): boolean {
  return (
    next.serial > serial && next.secret.equals(secret) && next.kmsPublicKey.equals(kmsPublicKey)
  );
}
