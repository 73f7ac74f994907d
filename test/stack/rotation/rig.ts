/**
 * What a change of keys happens to: one tenant of the owner's tool, two bridges, devices with agents on
 * pseudo-terminals, consumers that write to files. All of it real processes but for the owner, who is called here.
 */

import { randomBytes } from "node:crypto";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { identityToRecipient } from "age-encryption";
import { expect, vi } from "vitest";
import { HttpClient } from "../../../core/ports/http/client.ts";
import { NEVER } from "../../../core/runtime/backoff.ts";
import { makeFolder, replaceSecretFile } from "../../../core/runtime/files.ts";
import { importResponseSchema } from "../../../core/wire/http.ts";
import { type Arrival, parseArrival, readingOf } from "../../../demo/arrivals.ts";
import { DemoAgent } from "../../../demo/demo-agent.ts";
import { DemoBridge } from "../../../demo/demo-bridge.ts";
import { demoConsumer } from "../../../demo/demo-consumer.ts";
import type { GuardedProcess } from "../../../demo/guarded-process.ts";
import { untilReady } from "../../../demo/ready.ts";
import { topicNames } from "../../../demo/stack.ts";
import type { EpochsChanged } from "../../../kms/change-epochs.ts";
import { enrol } from "../../../kms/enrol.ts";
import { initTenant } from "../../../kms/init.ts";
import { type RotateRequest, retire, rotate } from "../../../kms/rotate.ts";
import { type Tenant, type TenantOptions, withTenant } from "../../../kms/tenant.ts";
import { FieldNetwork } from "../../faults/network.ts";
import { CHEAP_SCRYPT, PASSPHRASE, quick } from "../../kms/fixture.ts";
import { freshName, sharedCluster } from "../../support/cluster.ts";
import { testIdentity } from "../../support/signed-tenant.ts";

const BRIDGES = 2;
const DEVICES = 4;
const RATE = 50;
export const SLOW = { timeout: 60_000, interval: 50 };

export interface Device {
  readonly agent: DemoAgent;
  readonly network: FieldNetwork;
  readonly credential: string;
}

export interface TestConsumer {
  readonly process: GuardedProcess;
  readonly credential: string;
  /** What is in its output. */
  arrivals(): Promise<Arrival[]>;
  rejects(): Promise<string[]>;
}

export class RotationRig {
  readonly #folder: string;
  readonly #cleanups: (() => Promise<unknown>)[] = [];
  readonly #owner: TenantOptions;
  readonly bridges: DemoBridge[] = [];
  readonly devices: Device[] = [];
  readonly topics = topicNames(DEVICES / 2);
  /** One for each bridge. */
  readonly http: HttpClient[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    this.#owner = {
      dir: join(folder, "kms"),
      tenant: freshName("rotation"),
      passphrase: PASSPHRASE,
    };
  }

  get tenant(): string {
    return this.#owner.tenant;
  }

  /** A tenant of suite `rsa`, its bridges, its devices; nothing is read from the serial lines yet. */
  async start(): Promise<void> {
    const identity = await testIdentity();
    const identityFile = join(this.#folder, "bridge.age");
    await replaceSecretFile(identityFile, `${identity}\n`);
    const recipients = [await identityToRecipient(identity)];
    const made = await initTenant({ ...quick("rsa"), ...this.#owner, suite: "rsa", recipients });
    const { kmsPublicKey } = made;
    const bridges = range(BRIDGES).map((n) => this.#startBridge(n, identityFile, kmsPublicKey));
    this.bridges.push(...(await Promise.all(bridges)));
    this.http.push(...this.bridges.map(({ url }) => new HttpClient({ baseUrl: url })));
    this.#cleanups.push(() => Promise.all(this.http.map((http) => http.stop())));
    await this.import([made.bundle]);
    for (const n of range(DEVICES)) this.devices.push(await this.#makeDevice(n));
    await Promise.all(
      this.devices.map(async ({ agent }) => {
        await agent.process.spawn();
        await untilReady(agent.process, () => agent.isReady(), NEVER);
      }),
    );
  }

  async stop(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  async import(bundles: readonly string[]): Promise<void> {
    for (const bundle of bundles) {
      const documents: unknown = JSON.parse(await readFile(bundle, "utf8"));
      await this.http[0]?.post("/v1/import", documents, importResponseSchema);
    }
  }

  /** `kms rotate`, and its documents at a bridge. */
  async rotate(request: Pick<RotateRequest, "suite" | "graceMs" | "compromised">): Promise<void> {
    const { suite = "rsa" } = request;
    const cheap = { ...quick(suite), passphrase: PASSPHRASE, scryptWorkFactor: CHEAP_SCRYPT };
    await this.#change((tenant) => rotate(tenant, { ...cheap, ...request }));
  }

  /** `kms rotate --retire`. */
  async retire(): Promise<EpochsChanged> {
    const cheap = { passphrase: PASSPHRASE, scryptWorkFactor: CHEAP_SCRYPT };
    return await this.#change((tenant) => retire(tenant, cheap));
  }

  /** Enrols a consumer of all topics; its process is not started yet. */
  async consumer(name: string): Promise<TestConsumer> {
    const folder = join(this.#folder, name);
    const credential = await this.#enrol(name, { subscribe: this.topics });
    const files = { output: join(folder, "output"), rejects: join(folder, "rejects") };
    const process = await demoConsumer({
      ...{ name, folder, credential, files, topics: this.topics, mailEvery: "2s" },
    });
    this.#cleanups.push(() => process.stop());
    return {
      ...{ process, credential },
      arrivals: async () => (await linesOf(files.output)).map(parseArrival),
      rejects: () => linesOf(files.rejects),
    };
  }

  /** Lets sensors play while `work` runs. */
  async play(devices: readonly Device[], work: () => Promise<void>): Promise<void> {
    const playing = new AbortController();
    const played = devices.map(({ agent }) => agent.sensor.play(playing.signal));
    try {
      await work();
    } finally {
      playing.abort();
      await Promise.all(played);
    }
  }

  /** Resolves when all that the sensors have written is acknowledged. */
  async drained(devices: readonly Device[] = this.devices): Promise<void> {
    for (const { agent } of devices)
      await vi.waitFor(async () => expect((await agent.status()).outbox.records).toBe(0), SLOW);
  }

  /** Resolves when each device seals for `epoch`. */
  async sealing(epoch: number, devices: readonly Device[] = this.devices): Promise<void> {
    for (const { agent } of devices)
      await vi.waitFor(async () => expect((await agent.status()).epoch).toBe(epoch), SLOW);
  }

  /** Resolves when a consumer has every reading that these sensors have written, each once and in order. */
  async complete(consumer: TestConsumer, devices: readonly Device[] = this.devices): Promise<void> {
    for (const { agent } of devices) {
      const { serial, written } = agent.sensor;
      const counts = async () => countsOf(await consumer.arrivals(), serial);
      await vi.waitFor(
        async () => expect((await counts()).length).toBeGreaterThanOrEqual(written),
        SLOW,
      );
      expect(await counts()).toEqual(range(written).map((index) => index + 1));
    }
    expect(await consumer.rejects()).toEqual([]);
  }

  async #change(work: (tenant: Tenant) => Promise<EpochsChanged>): Promise<EpochsChanged> {
    const changed = await withTenant(this.#owner, work);
    await this.import(changed.bundles);
    return changed;
  }

  async #startBridge(n: number, identity: string, kmsPublicKey: string): Promise<DemoBridge> {
    const name = `bridge ${n + 1}`;
    const bridge = await DemoBridge.make({
      ...{ name, identity, folder: join(this.#folder, `bridge-${n + 1}`) },
      zookeeper: sharedCluster().zookeeper,
      tenants: [{ name: this.tenant, kmsPublicKey }],
    });
    this.#cleanups.push(() => bridge.process.stop());
    await bridge.start(NEVER);
    return bridge;
  }

  /** Enrolled, on a serial line of its own; its agent is not started yet. */
  async #makeDevice(n: number): Promise<Device> {
    const ports = this.bridges.map(({ mqttPort }) => mqttPort);
    // Every other device prefers the other bridge.
    const network = new FieldNetwork({ ports: n % 2 === 0 ? ports : [...ports].reverse() });
    const mqtt = await network.start();
    this.#cleanups.push(() => network.stop());
    const topic = this.topics[n >> 1] ?? "";
    const name = `device-${n + 1}`;
    const credential = await this.#enrol(name, { publish: [topic], mqtt });
    const serial = `serial-${randomBytes(8).toString("hex")}`;
    const agent = await DemoAgent.make({
      ...{ name, credential, topic, folder: join(this.#folder, name) },
      sensor: { serial, rate: RATE, readings: Number.POSITIVE_INFINITY },
    });
    this.#cleanups.push(() => agent.stop());
    return { agent, network, credential };
  }

  /** A client, its documents at a bridge, and its credential in a folder of its own, as if it were another machine. */
  async #enrol(
    client: string,
    options: { publish?: string[]; subscribe?: string[]; mqtt?: string[] },
  ): Promise<string> {
    const { publish = [], subscribe = [], mqtt = [] } = options;
    const addresses = { mqtt, http: this.bridges.map(({ url }) => url) };
    const made = await withTenant(this.#owner, (tenant) =>
      enrol(tenant, { client, publish, subscribe, addresses }),
    );
    await this.import([made.bundle]);
    const folder = join(this.#folder, client);
    await makeFolder(folder);
    const credential = join(folder, "credential.json");
    await copyFile(made.credential, credential);
    return credential;
  }
}

function countsOf(arrivals: readonly Arrival[], sensor: string): number[] {
  return arrivals
    .map(readingOf)
    .filter((reading) => reading.sensor === sensor)
    .map(({ count }) => count);
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** The whole lines of a file; none if it is not there. */
async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
}
