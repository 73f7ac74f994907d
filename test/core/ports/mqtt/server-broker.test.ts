/** The locks behind the locks: what aedes would do if somebody got past the refusal of subscriptions and wills. */
import { Aedes, type AedesPublishPacket, type PublishPacket } from "aedes";
import { expect, onTestFinished, test } from "vitest";
import { brokerOptions } from "../../../../core/ports/mqtt/server-broker.ts";
import { DEFAULT_MQTT_LIMITS } from "../../../../core/ports/mqtt/server-types.ts";

const PACKET: PublishPacket = {
  cmd: "publish",
  topic: "v1/rec/1",
  payload: Buffer.from("x"),
  qos: 0,
  dup: false,
  retain: false,
};

/** aedes with our options. */
async function start(): Promise<Aedes> {
  const aedes = new Aedes(brokerOptions(DEFAULT_MQTT_LIMITS, () => undefined));
  await aedes.listen();
  onTestFinished(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
  return aedes;
}

test("nothing is fanned out, also to who has subscribed", async () => {
  const aedes = await start();
  const heard: AedesPublishPacket[] = [];
  const listener = (packet: AedesPublishPacket, done: () => void): void => {
    heard.push(packet);
    done();
  };
  await new Promise<void>((resolve) => aedes.subscribe("#", listener, resolve));
  await new Promise<void>((resolve, reject) =>
    aedes.publish(PACKET, (error) => (error ? reject(error) : resolve())),
  );
  expect(heard).toEqual([]);
});

test("a will of a client that is gone is refused", async () => {
  const aedes = await start();
  const answer = await new Promise((resolve) => aedes.authorizePublish(null, PACKET, resolve));
  expect(answer).toBeInstanceOf(Error);
});

test("the secret of a CONNECT is not kept", async () => {
  const aedes = await start();
  const password = Buffer.from("secret");
  const packet = { cmd: "connect", clientId: "device@tenant", password };
  const client: object = {};
  await new Promise((resolve) => Reflect.apply(aedes.preConnect, aedes, [client, packet, resolve]));
  await new Promise((resolve) =>
    Reflect.apply(aedes.authenticate, aedes, [client, "device@tenant", password, resolve]),
  );
  expect(password).toEqual(Buffer.alloc(6));
  expect(packet.password).toBeUndefined();
});
