/** Whom the attackers attack, and what they hold. */
export interface Target {
  readonly mqttPort: number;
  /** PEM of the authority, where the MQTT port speaks TLS. */
  readonly ca?: string | undefined;
  readonly httpPort: number;
  readonly epoch: number;
  /** Enrolled clients, with what they publish to an alias that they were given. */
  readonly insiders: readonly Insider[];
}

export interface Insider {
  readonly login: string;
  readonly password: string;
  /** Registration and announcement. */
  readonly greeting: readonly { readonly topic: string; readonly payload: Buffer }[];
  readonly record: { readonly topic: string; readonly payload: Buffer };
}

export interface Attack {
  readonly name: string;
  /** For the report. */
  readonly summary: string;
  /** Whether it is the bridge that speaks TLS with devices. */
  readonly overTls?: boolean;
  /** It needs so long before it is at its worst. */
  readonly leadS?: number;
  /** Within an operator's limits it does not get as far as to do harm: they are lifted for it. */
  readonly unlimited?: boolean;
  /** It takes many enrolled clients: the promise is about one. */
  readonly byMany?: boolean;
  run(target: Target, signal: AbortSignal): Promise<void>;
}
