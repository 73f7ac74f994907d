/** A server and a device of the built product, and one publish between them; run by lean-packets.test.ts. */
import { pino } from "pino";

const [, , folder] = process.argv;
const { startMqttServer } = await import(`${folder}/server.js`);
const { connectMqtt } = await import(`${folder}/client.js`);
const server = await startMqttServer({
  ...{ host: "127.0.0.1", port: 0, log: pino({ level: "silent" }) },
  authenticate: () => ({ accepted: true }),
  onConnect: (session) => session,
  onPublish: (_session, publish) => publish.answer("ack"),
  onClose: () => undefined,
});
const device = await connectMqtt({
  url: `mqtt://127.0.0.1:${server.port}`,
  ...{ login: "probe-1@field", secret: Buffer.alloc(32, 7), keepaliveS: 30 },
  signal: new AbortController().signal,
  onMessage: () => true,
});
await device.publish("v1/rec/1", Buffer.from("a reading"));
await server.stop(1000);
const { parser, writeToStream } = await import("mqtt-packet");
process.stdout.write(`acknowledged, numbers made beforehand: ${writeToStream.cacheNumbers}, `);
process.stdout.write(`a parser waits in a ${parser()._list.constructor.name}\n`);
process.exit(0);
