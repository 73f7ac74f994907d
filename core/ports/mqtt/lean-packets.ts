/** mqtt-packet without what costs and gives nothing. To be imported before aedes and mqtt.js. */
import "./no-debug.ts";
import { writeToStream } from "mqtt-packet";

// It would make a Buffer of each number up to 65,535 before its first packet, and keep them: 6 MiB.
writeToStream.cacheNumbers = false;
