/** mqtt-packet without what costs and gives nothing. To be imported before aedes and mqtt.js. */
import "./no-debug.ts";
import { parser, writeToStream } from "mqtt-packet";

// It would make a Buffer of each number up to 65,535 before its first packet, and keep them: 6 MiB.
writeToStream.cacheNumbers = false;

/**
 * A parser's bytes wait in a BufferListStream, of which it uses the list: 1 kB of a silent connection is the stream. So it
 * gets the list alone, of which the stream's class knows the class.
 */
function useListAlone(): void {
  const parsers: unknown = Object.getPrototypeOf(parser());
  if (!hasState(parsers)) return;
  const reset = parsers._resetState;
  parsers._resetState = function () {
    reset.call(this);
    const { BufferList } = this._list.constructor;
    if (BufferList) this._list = new BufferList();
  };
}

interface ParserState {
  _resetState(this: ParserState): void;
  _list: { constructor: { BufferList?: new () => ParserState["_list"] } };
}

function hasState(value: unknown): value is ParserState {
  return typeof value === "object" && value !== null && "_resetState" in value;
}

useListAlone();
