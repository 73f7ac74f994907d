/** The attacking process: one order over its IPC channel, until it is killed. */
import { once, setMaxListeners } from "node:events";
import type { AttackOrder } from "./attacker.ts";
import { ATTACKS } from "./attacks.ts";

const [order]: [AttackOrder] = [(await once(process, "message"))[0]];
const attack = ATTACKS.find(({ name }) => name === order.attack);
if (!attack) throw new Error("no such attack");
process.on("disconnect", () => process.exit(0));
process.send?.({ begun: true });
const end = new AbortController();
// A thousand connections listen for it.
setMaxListeners(0, end.signal);
await attack.run(order.target, end.signal);
