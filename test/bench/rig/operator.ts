/**
 * What a benchmark's clients talk to: bridges of one operator, real processes on a real Kafka and ZooKeeper, and one
 * tenant with real keys whose documents are made in memory, by the thousand if need be.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { HttpClient } from "../../../core/ports/http/client.ts";
import { makeFolder, replaceSecretFile } from "../../../core/runtime/files.ts";
import { packageFile } from "../../../core/runtime/package.ts";
import { generateMaster } from "../../../core/scheme/owner.ts";
import type { Credential } from "../../../core/wire/credential.ts";
import { encodeBundle } from "../../../core/wire/directory.ts";
import { importResponseSchema } from "../../../core/wire/http.ts";
import { DemoBridge } from "../../../demo/demo-bridge.ts";
import type { NodeSettings } from "../../../demo/veilmq.ts";
import { type Placed, TestTenant, testIdentity } from "../../support/signed-tenant.ts";
import { makeTenant, type TestDevice } from "../../support/tenant.ts";
import { unitSettings } from "../framework/unit-settings.ts";
import { UNLIMITED } from "./unlimited.ts";

/** Documents in one import: far below what a bridge takes at once. */
const CLIENTS_AT_ONCE = 100;
const CERTIFICATES = packageFile("test", "support", "certificate");
const TEST_CERTIFICATE = {
  cert: join(CERTIFICATES, "server.pem"),
  key: join(CERTIFICATES, "server.key"),
};
/** Of the authority behind it. */
export const TEST_CA_FILE = join(CERTIFICATES, "ca.pem");

export interface OperatorOptions {
  readonly folder: string;
  /** `host:port`, of a cluster that serves. */
  readonly zookeeper: string;
  readonly bridges: number;
  /** Of the bridges, the last so many speak TLS with devices, with the certificate for tests. */
  readonly tlsBridges?: number;
  /** Sections of bridge.yaml; without them no client is limited. */
  readonly sections?: Readonly<Record<string, unknown>>;
  /** Of the bridges; as the package's unit has it, unless given. */
  readonly node?: NodeSettings | undefined;
  readonly signal: AbortSignal;
}

/** A client that a benchmark asks for; it may publish to and read all of its topics. */
export interface Wanted {
  readonly client: string;
  readonly topics: readonly string[];
}

export class Operator {
  readonly bridges: readonly DemoBridge[];
  readonly #owner: ReturnType<typeof makeTenant>;
  readonly #signed: TestTenant;
  readonly #http: readonly HttpClient[];
  #serial = 1;

  private constructor(parts: {
    bridges: readonly DemoBridge[];
    owner: ReturnType<typeof makeTenant>;
    signed: TestTenant;
  }) {
    this.bridges = parts.bridges;
    this.#owner = parts.owner;
    this.#signed = parts.signed;
    this.#http = parts.bridges.map(({ url }) => new HttpClient({ baseUrl: url }));
  }

  /** Resolves when all bridges serve the tenant's head. Suite `p256`: enrolling is quick, and readings cost the same. */
  static async start(options: OperatorOptions): Promise<Operator> {
    const { folder, zookeeper, bridges, signal } = options;
    const { tlsBridges = 0, sections = { limits: UNLIMITED } } = options;
    const { node = await unitSettings("veilmq-bridge.service") } = options;
    const identity = await testIdentity();
    const identityFile = join(folder, "bridge.age");
    await makeFolder(folder);
    await replaceSecretFile(identityFile, `${identity}\n`);
    const master = await generateMaster({ suite: "p256", random: randomBytes });
    const owner = makeTenant(`bench-${randomBytes(4).toString("hex")}`, master);
    const { tenant: name, epoch } = owner.realm;
    const signed = new TestTenant(name, [{ epoch, parameters: owner.parameters }]);
    const kmsPublicKey = signed.rawKmsPublicKey.toString("base64url");
    const made = await Promise.all(
      Array.from({ length: bridges }, (_, n) =>
        DemoBridge.make({
          name: `bridge ${n + 1}`,
          folder: join(folder, `bridge-${n + 1}`),
          zookeeper,
          identity: identityFile,
          tenants: [{ name, kmsPublicKey }],
          sections,
          node,
          ...(n >= bridges - tlsBridges && { mqttTls: TEST_CERTIFICATE }),
        }),
      ),
    );
    const operator = new Operator({ bridges: made, owner, signed });
    try {
      for (const bridge of made) {
        await bridge.start(signal);
      }
      await operator.import([await signed.head(identity, operator.#serial)]);
      return operator;
    } catch (error) {
      await operator.stop();
      throw error;
    }
  }

  /** Enrols clients at the first bridge; the others have them when ZooKeeper has told them. */
  async enrol(wanted: readonly Wanted[]): Promise<TestDevice[]> {
    const devices = wanted.map(({ client, topics }) =>
      this.#owner.enrol(client, { topics, urls: [] }),
    );
    for (let first = 0; first < devices.length; first += CLIENTS_AT_ONCE) {
      const some = devices.slice(first, first + CLIENTS_AT_ONCE);
      await this.import(some.flatMap((device) => this.#documentsOf(device)));
    }
    return devices;
  }

  /** The tag of a topic, 32 bytes. */
  tagOf(topic: string): Buffer {
    return Buffer.from(this.#owner.tag(topic), "hex");
  }

  /** What a consumer is given: it may read what the device may publish. */
  credentialOf({ credential }: TestDevice): Credential {
    const http = this.bridges.map(({ url }) => url);
    const topics = credential.topics.map(({ name }) => ({ name, ops: ["sub" as const] }));
    const kmsPublicKey = this.#signed.rawKmsPublicKey;
    return { ...credential, kmsPublicKey, topics, bridge: { mqtt: [], http } };
  }

  /** The document that revokes a client, not sent yet. */
  revocation({ credential: { client, secret } }: TestDevice): Placed {
    return this.#signed.enrolment(client, ++this.#serial, { status: "revoked", secret });
  }

  /** Hands documents to one of the bridges; resolves when it has made them last. */
  async import(documents: readonly Placed[], bridge = 0): Promise<void> {
    const bundle: unknown = JSON.parse(encodeBundle(documents));
    await this.#http[bridge]?.post("/v1/import", bundle, importResponseSchema);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#http.map((http) => http.stop()));
    await Promise.all(this.bridges.map((bridge) => bridge.process.stop()));
  }

  #documentsOf({ credential, proxy, publicKey: signingKey }: TestDevice): Placed[] {
    const { client, secret, topics } = credential;
    const serial = ++this.#serial;
    const grants = topics.map(({ name }) => ({ tag: this.tagOf(name) }));
    return [
      this.#signed.enrolment(client, serial, { secret, halves: proxy, signingKey }),
      this.#signed.grants(client, serial, grants),
      this.#signed.cert(client, serial, signingKey),
    ];
  }
}
