/** A consumer's questions to its bridges (PROTOCOL.md §6): whichever of them answers will do. */
import { isVeilError, VeilError } from "../../core/errors.ts";
import { HttpClient } from "../../core/ports/http/client.ts";
import type { OwnCertificate } from "../../core/ports/tls/own.ts";
import type { Credential } from "../../core/wire/credential.ts";
import {
  brokersResponseSchema,
  type KeysResponse,
  keysResponseSchema,
  type MatchResponse,
  mailResponseSchema,
  matchResponseSchema,
  type StatusResponse,
  statusResponseSchema,
  TOPIC_NOT_FOUND,
} from "../../core/wire/http.ts";
import { formatLogin } from "../../core/wire/login.ts";
import type { NumberedMail } from "../../core/wire/mqtt.ts";
import { TopicNotFoundError } from "./topic-not-found.ts";

export class BridgeClient {
  readonly #bridges: HttpClient[];

  /** Throws BAD_CREDENTIAL if it names no bridge. */
  constructor(credential: Credential, certificate?: OwnCertificate) {
    const login = {
      user: formatLogin(credential),
      password: credential.secret.toString("base64url"),
    };
    const { ca } = credential;
    this.#bridges = credential.bridge.http.map(
      (baseUrl) => new HttpClient({ baseUrl, login, ca, certificate }),
    );
    if (this.#bridges.length === 0)
      throw new VeilError("BAD_CREDENTIAL", "the credential names no bridge to ask over HTTP");
  }

  /** `null`: no such topic, or none that this client is granted: the two read the same. */
  async match(epoch: number, trapdoor: Buffer): Promise<MatchResponse | null> {
    const body = { epoch, trapdoor: trapdoor.toString("base64url") };
    try {
      return await this.#ask((bridge) => bridge.post("/v1/match", body, matchResponseSchema));
    } catch (error) {
      if (isTopicNotFound(error)) return null;
      throw error;
    }
  }

  /** Throws TopicNotFoundError where the topic is not granted to this client, or no longer. */
  async keys(kafkaTopic: string, kids: readonly Buffer[]): Promise<KeysResponse> {
    const body = { topic_name: kafkaTopic, kids: kids.map((kid) => kid.toString("base64url")) };
    try {
      return await this.#ask((bridge) => bridge.post("/v1/keys", body, keysResponseSchema));
    } catch (error) {
      throw isTopicNotFound(error) ? new TopicNotFoundError() : error;
    }
  }

  /** The state of the hops. Throws REVOKED where this client is. */
  async status(): Promise<StatusResponse> {
    return this.#ask((bridge) => bridge.get("/v1/status", statusResponseSchema));
  }

  /** The brokers' addresses. */
  async brokers(): Promise<string[]> {
    const { brokers } = await this.#ask((bridge) =>
      bridge.get("/v1/brokers", brokersResponseSchema),
    );
    return brokers;
  }

  /** This client's mail, the oldest first. */
  async mail(): Promise<NumberedMail[]> {
    const { mail } = await this.#ask((bridge) => bridge.get("/v1/mail", mailResponseSchema));
    return mail;
  }

  /** It is stored, or will never be taken. */
  async deleteMail(number: number): Promise<void> {
    await this.#ask((bridge) => bridge.delete(`/v1/mail/${number}`));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.stop()));
  }

  /** Asks the bridge that answered last, and the others after it where an answer of another may differ. */
  async #ask<T>(question: (bridge: HttpClient) => Promise<T>): Promise<T> {
    let failure: unknown;
    for (const bridge of [...this.#bridges]) {
      try {
        return await question(bridge);
      } catch (error) {
        failure = error;
        if (!isVeilError(error) || !error.retryable || error.code === "LIMIT") throw error;
        this.#bridges.push(...this.#bridges.splice(this.#bridges.indexOf(bridge), 1));
      }
    }
    throw failure;
  }
}

function isTopicNotFound(error: unknown): boolean {
  return isVeilError(error, "NOT_FOUND") && error.message.endsWith(TOPIC_NOT_FOUND);
}
