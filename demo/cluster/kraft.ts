/** One Kafka 4 broker without ZooKeeper (KRaft), controller and broker in one process; loopback only. */

import { join } from "node:path";
import { NEVER } from "../../core/runtime/backoff.ts";
import { makeFolder, replaceFile } from "../../core/runtime/files.ts";
import { knownBrokers } from "./broker.ts";
import { findPom, resolveClasspath } from "./classpath.ts";
import { freePorts } from "./ports.ts";
import { ServerProcess } from "./server-process.ts";
import { JAVA, requireTool, runTool, SETPRIV } from "./tools.ts";

const HEAP_MIB = 384;
const CLUSTER_ID = "dmVpbG1xLWtyYWZ0LXRlcw";
const SASL_MODULE = "org.apache.kafka.common.security";

/** A listener with TLS and logins, beside the plain one. */
export interface SecureListener {
  /** PEM: the private key and the certificate, one after the other. */
  readonly keystore: string;
  readonly user: string;
  /** For PLAIN and both kinds of SCRAM. */
  readonly password: string;
}

export interface KraftOptions {
  readonly dir: string;
  readonly secure?: SecureListener;
  readonly signal?: AbortSignal;
}

export interface Kraft {
  /** `host:port` of the plain listener. */
  readonly address: string;
  /** `host:port` of the listener that speaks SASL_SSL. */
  readonly secureAddress: string;
  stop(): Promise<void>;
}

/** Formats its storage, starts it, and resolves when it serves. Throws as `startCluster`. */
export async function startKraft({ dir, secure, signal = NEVER }: KraftOptions): Promise<Kraft> {
  await Promise.all([requireTool(JAVA), requireTool(SETPRIV)]);
  const classpath = await resolveClasspath({ pom: findPom("pom-kraft.xml"), signal });
  const [controller = 0, plain = 0, guarded = 0] = await freePorts(3);
  const address = `127.0.0.1:${plain}`;
  await makeFolder(dir);
  const keystore = join(dir, "keystore.pem");
  if (secure) await replaceFile(keystore, secure.keystore, 0o600);
  const config = {
    ...brokerConfig({ dir, controller, plain }),
    ...(secure && secureConfig({ ...secure, keystore, plain, guarded, controller })),
  };
  await format({ dir, classpath, config, signal, ...(secure && { secure }) });
  const server = new ServerProcess({
    name: "kafka-kraft",
    folder: dir,
    classpath,
    mainClass: "kafka.Kafka",
    heapMiB: HEAP_MIB,
    configName: "server.properties",
    config,
    isReady: async () => (await knownBrokers(address)).includes(address),
  });
  try {
    await server.spawn();
    await server.awaitReady(signal);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return { address, secureAddress: `127.0.0.1:${guarded}`, stop: () => server.stop() };
}

type Properties = Readonly<Record<string, string | number | boolean>>;

function brokerConfig({
  dir,
  controller,
  plain,
}: {
  readonly dir: string;
  readonly controller: number;
  readonly plain: number;
}): Properties {
  return {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controller}`,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    listeners: `CONTROLLER://127.0.0.1:${controller},PLAINTEXT://127.0.0.1:${plain}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${plain}`,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": join(dir, "data"),
    "auto.create.topics.enable": false,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "group.initial.rebalance.delay.ms": 0,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 16 * 2 ** 20,
  };
}

function secureConfig(options: {
  readonly keystore: string;
  readonly user: string;
  readonly password: string;
  readonly controller: number;
  readonly plain: number;
  readonly guarded: number;
}): Properties {
  const { keystore, user, password, controller, plain, guarded } = options;
  const scram = `${SASL_MODULE}.scram.ScramLoginModule required;`;
  const open = `PLAINTEXT://127.0.0.1:${plain},SECURE://127.0.0.1:${guarded}`;
  const module = `${SASL_MODULE}.plain.PlainLoginModule required`;
  return {
    listeners: `CONTROLLER://127.0.0.1:${controller},${open}`,
    "advertised.listeners": open,
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL",
    "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "listener.name.secure.scram-sha-256.sasl.jaas.config": scram,
    "listener.name.secure.scram-sha-512.sasl.jaas.config": scram,
    "listener.name.secure.plain.sasl.jaas.config": `${module} user_${user}="${password}";`,
    "listener.name.secure.ssl.keystore.type": "PEM",
    "listener.name.secure.ssl.keystore.location": keystore,
  };
}

async function format(options: {
  readonly dir: string;
  readonly classpath: string;
  readonly config: Properties;
  readonly signal: AbortSignal;
  readonly secure?: SecureListener;
}): Promise<void> {
  const { dir, classpath, config, signal, secure } = options;
  const file = join(dir, "format.properties");
  const lines = Object.entries(config).map(([key, value]) => `${key}=${value}\n`);
  await replaceFile(file, lines.join(""));
  const scram = secure
    ? ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
        "--add-scram",
        `${mechanism}=[name=${secure.user},password=${secure.password}]`,
      ])
    : [];
  const tool = ["-cp", classpath, "kafka.tools.StorageTool", "format"];
  const flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  const storage = ["--ignore-formatted", "-t", CLUSTER_ID, "-c", file];
  await runTool(JAVA, [...flags, ...tool, ...storage, ...scram], signal);
}
