/** Hearing a port for a while, as it is, and asking it once. */
import { isVeilError } from "../../../core/errors.ts";
import { openSerial, type SerialConnection } from "../../../core/ports/serial/serial.ts";
import type { SerialSettings } from "../../../core/ports/serial/settings.ts";

export interface HearOptions {
  readonly path: string;
  readonly settings: SerialSettings;
  /** What is sent first, each a moment after the other. */
  readonly requests?: readonly Buffer[];
  readonly forMs: number;
  /** Enough: the rest is not waited for. Default 4096. */
  readonly maxBytes?: number;
  readonly signal: AbortSignal;
}

/** What came. Throws as `openSerial`, DISCONNECTED where the port hangs up. */
export async function hear(options: HearOptions): Promise<Buffer> {
  const { path, settings, requests = [], forMs, maxBytes = 4096 } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(forMs)]);
  const connection = await openSerial({ path, ...settings, signal: options.signal });
  const end = (): void => void connection.close();
  signal.addEventListener("abort", end, { once: true });
  try {
    const reading = read(connection, maxBytes);
    for (const request of requests) await connection.write(request).catch(ignoreStop);
    return await reading;
  } finally {
    signal.removeEventListener("abort", end);
    await connection.close();
  }
}

async function read(connection: SerialConnection, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of connection.bytes) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(chunks);
}

function ignoreStop(error: unknown): void {
  if (!isVeilError(error, "STOPPED")) throw error;
}
