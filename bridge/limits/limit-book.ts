/** The limits in force: of the bridge, of each client, and of each tenant with what its own entry says otherwise. */

import type { ClientLimits, LimitsConfig, TenantLimits } from "../config/limits.ts";
import type { BridgeConfig } from "../config.ts";

export class LimitBook {
  #bridge: LimitsConfig;
  #tenants: ReadonlyMap<string, TenantLimits>;

  constructor(config: Pick<BridgeConfig, "limits" | "tenants">) {
    this.#bridge = config.limits;
    this.#tenants = byTenant(config);
  }

  /** After a reload: who asks from now on gets these. */
  set(config: Pick<BridgeConfig, "limits" | "tenants">): void {
    this.#bridge = config.limits;
    this.#tenants = byTenant(config);
  }

  get bridge(): LimitsConfig {
    return this.#bridge;
  }

  get client(): ClientLimits {
    return this.#bridge.client;
  }

  tenant(name: string): TenantLimits {
    return this.#tenants.get(name) ?? this.#bridge.tenant;
  }
}

function byTenant({
  limits,
  tenants,
}: Pick<BridgeConfig, "limits" | "tenants">): ReadonlyMap<string, TenantLimits> {
  return new Map(
    tenants.map(({ name, limits: own = {} }) => {
      const said = Object.entries(own).filter(([, value]) => value !== undefined);
      return [name, { ...limits.tenant, ...Object.fromEntries(said) }];
    }),
  );
}
