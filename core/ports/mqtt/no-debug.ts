/**
 * mqtt-packet, which aedes and mqtt.js stand on, tells `debug` of every step: a dozen calls a packet, each with an array of
 * what it is told, a sixth of all that a busy bridge allocates. And with DEBUG set, packets would be in the log, passwords
 * included. So it gets one that does nothing; to be imported before it. In the bundle packaging/bundle.ts does that.
 */
import { createRequire } from "node:module";

const here = createRequire(import.meta.url);
const tell = (): void => undefined;

try {
  const id = createRequire(here.resolve("mqtt-packet")).resolve("debug");
  const loaded: NodeJS.Module | undefined = here.cache[id];
  const exports = () => tell;
  if (loaded) loaded.exports = exports;
  else here.cache[id] = Object.assign(Object.create(null), { id, loaded: true, exports });
} catch {
  // In the bundle there are no packages.
}
