/** mqtt-packet without what costs and gives nothing. To be imported before aedes and mqtt.js. */
import "./no-debug.ts";
import { parser, writeToStream } from "mqtt-packet";
import { ByteList } from "./byte-list.ts";

// It would make a Buffer of each number up to 65,535 before its first packet, and keep them: 6 MiB.
writeToStream.cacheNumbers = false;

/** A parser's bytes wait in a list of ours (byte-list.ts says why). */
function useByteList(): void {
  const parsers: unknown = Object.getPrototypeOf(parser());
  if (!hasState(parsers)) return;
  const reset = parsers._resetState;
  parsers._resetState = function () {
    reset.call(this);
    this._list = new ByteList();
  };
}

interface ParserState {
  _resetState(this: ParserState): void;
  _list: unknown;
}

function hasState(value: unknown): value is ParserState {
  return typeof value === "object" && value !== null && "_resetState" in value;
}

useByteList();
