/** The event stream, which the browser takes up again by itself where it broke off (Last-Event-ID). */
import type { Update } from "../wire.ts";

const ASK_AGAIN_MS = 2000;

export interface StreamOptions {
  readonly onUpdate: (update: Update) => void;
  readonly onState: (state: "live" | "waiting") => void;
}

export function startStream({ onUpdate, onState }: StreamOptions): void {
  const open = (): void => {
    const source = new EventSource("/api/events");
    source.addEventListener("open", () => onState("live"));
    source.addEventListener("message", (event: MessageEvent<string>) => {
      onUpdate(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      onState("waiting");
      // The browser has given up: it was refused, for want of a login perhaps.
      if (source.readyState === EventSource.CLOSED) void tryAgain();
    });
  };
  const tryAgain = async (): Promise<void> => {
    const answer = await fetch("/api/about").catch(() => null);
    if (answer?.status === 401) location.assign("/login");
    else setTimeout(open, ASK_AGAIN_MS);
  };
  open();
}
