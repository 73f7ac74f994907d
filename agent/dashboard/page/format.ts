/** Numbers, units, times and names for people. */

const SIGNIFICANT = 5;
const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: SIGNIFICANT });
const COUNT = new Intl.NumberFormat("en");
/** Beyond these a number is written with an exponent. */
const [SMALLEST, LARGEST] = [1e-4, 1e7];

/** Units of the SenML registry (RFC 8428 §12.1) that people write in another way. */
const UNITS: Readonly<Record<string, string>> = {
  Cel: "°C",
  "%RH": "% RH",
  "%EL": "%",
  lat: "° N",
  lon: "° E",
  "m/s2": "m/s²",
  m2: "m²",
  m3: "m³",
  "m3/s": "m³/s",
  "kg/m3": "kg/m³",
  "W/m2": "W/m²",
  Ohm: "Ω",
  "/": "",
  count: "",
};

export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "—";
  const size = Math.abs(value);
  if (size !== 0 && (size < SMALLEST || size >= LARGEST))
    return value
      .toExponential(2)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  return PLAIN.format(value);
}

export function formatValue(value: number | string | boolean): string {
  if (typeof value === "number") return formatNumber(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === "" ? "(empty)" : value.replace(/\p{C}/gu, " ");
}

export function formatUnit(unit: string | null): string {
  return unit === null ? "" : (UNITS[unit] ?? unit);
}

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** `12 s`, `3 min`, `5 h`, `2 d`. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

/** `now`, or as {@link formatSpan} with `ago`. */
export function formatAge(ms: number): string {
  return ms < 1500 ? "now" : `${formatSpan(ms)} ago`;
}

export function formatRate(perSecond: number): string {
  return `${perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`;
}

export function formatTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? "—" : time.toLocaleString();
}

/** The parts of a topic between its slashes; what a terminal would obey is shown as a blank. */
export function segmentsOf(topic: string): string[] {
  return topic.replace(/\p{C}/gu, " ").split("/");
}
