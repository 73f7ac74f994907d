/** A sensor's cable: the port's name stays while it is unplugged and plugged in again, as often as one likes. */
import { VeilError } from "../../core/errors.ts";
import { openPty, type Pty } from "./pty.ts";

export class Cable {
  /** What an agent opens; there only while the cable is plugged in. */
  readonly path: string;
  #pty: Pty | null = null;

  constructor({ link }: { link: string }) {
    this.path = link;
  }

  /**
   * Throws MISSING_TOOL without python3, CONFLICT while it is plugged in. `prepare` is called with the terminal's own name
   * before the port's name is there.
   */
  async plug(prepare?: (terminal: string) => Promise<void>): Promise<void> {
    if (this.#pty) throw new VeilError("CONFLICT", "the cable is plugged in");
    this.#pty = await openPty({ link: this.path, ...(prepare && { prepare }) });
  }

  /** Hangs up in the middle of whatever is on the line. */
  async unplug(): Promise<void> {
    const pty = this.#pty;
    this.#pty = null;
    await pty?.close();
  }

  /** Waits while the port takes no more; what is written while nothing is plugged in is gone. */
  async write(bytes: Uint8Array): Promise<void> {
    const pty = this.#pty;
    try {
      await pty?.write(bytes);
    } catch (error) {
      if (this.#pty === pty) throw error;
    }
  }
}
