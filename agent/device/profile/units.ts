/**
 * The units of the IANA registries that SenML uses: primary ones (RFC 8428 §12.1, RFC 8798 §2) and secondary
 * ones (RFC 8798 §3), which a profile may use as the device's data sheet does.
 */
import { z } from "zod";

const PRIMARY =
  "m kg g s A K cd mol Hz rad sr N Pa J W C V F Ohm S Wb T H Cel lm lx Bq Gy Sv kat m2 m3 l m/s m/s2 m3/s l/s W/m2 cd/m2 " +
  "bit bit/s lat lon pH dB dBW Bspl count / % %RH %EL EL 1/s 1/min beat/min beats S/m B VA VAs var vars J/m kg/m3 deg NTU";

const SECONDARY =
  "ms min h MHz kW kVA kvar Ah Wh kWh varh kvarh kVAh Wh/km KiB GB Mbit/s B/s MB/s mV mA dBm ug/m3 mm/h m/h ppm /100 " +
  "/1000 hPa mm cm km km/h ppb ppt";

const SENML_UNITS: ReadonlySet<string> = new Set(`${PRIMARY} ${SECONDARY}`.split(" "));

export const unitField = z
  .enum([...SENML_UNITS], {
    error: ({ input }) => `${JSON.stringify(input)} is no SenML unit${nearest(String(input))}`,
  })
  .meta({ description: "A unit of the SenML registry, such as Cel, %RH, Pa, ug/m3" });

/** What people write, and the registry's word for it. */
const USUAL: Readonly<Record<string, string>> = {
  "°C": "Cel",
  "°F": "Cel, with scale 0.555555556 and plus -17.7777778",
  "%": "%RH",
  mbar: "hPa",
  Ω: "Ohm",
  ohm: "Ohm",
  "µg/m³": "ug/m3",
  "µg/m3": "ug/m3",
  "°": "deg, lat or lon",
  lux: "lx",
  rpm: "1/min",
  bpm: "beat/min",
};

function nearest(unit: string): string {
  const usual = USUAL[unit] ?? [...SENML_UNITS].find((u) => u.toLowerCase() === unit.toLowerCase());
  return usual === undefined ? "; leave it out where none fits" : `: write ${usual}`;
}
