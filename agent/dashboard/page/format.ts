/** Numbers, units, times and names for people. */

const SIGNIFICANT = 5;
const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: SIGNIFICANT });
const COUNT = new Intl.NumberFormat("en");
const MAX_DIGITS = 20;
/** As many as the number has, and no more. */
const EXACT = new Intl.NumberFormat("en", { maximumFractionDigits: MAX_DIGITS });
/** Beyond these a number is written with an exponent. */
const [SMALLEST, LARGEST] = [1e-4, 1e7];
const [SMALLEST_EXACT, LARGEST_EXACT] = [1e-6, 1e15];

const MINUTE_OPTIONS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const CLOCK_OPTIONS = { ...MINUTE_OPTIONS, second: "2-digit" } as const;
const MINUTE = new Intl.DateTimeFormat("en", MINUTE_OPTIONS);
const CLOCK = new Intl.DateTimeFormat("en", CLOCK_OPTIONS);
const TIME = new Intl.DateTimeFormat("en", {
  ...CLOCK_OPTIONS,
  ...{ year: "numeric", month: "2-digit", day: "2-digit" },
});
const DATE_PARTS = ["year", "month", "day"] as const;
const CLOCK_PARTS = ["hour", "minute", "second"] as const;

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

/** To five digits: for what is calculated. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "—";
  return isWithin(value, SMALLEST, LARGEST) ? PLAIN.format(value) : exponential(value, 2);
}

/** All digits: for what a sensor said. */
export function formatExact(value: number): string {
  if (!Number.isFinite(value)) return "—";
  return isWithin(value, SMALLEST_EXACT, LARGEST_EXACT) ? EXACT.format(value) : exponential(value);
}

/** Numbers at equal distances, each with the digits that tell it from its neighbours. */
export function formatSteps(values: readonly number[]): string[] {
  const [first = 0, second = 0] = values;
  const largest = Math.max(...values.map(Math.abs));
  if (values.length < 2 || !isWithin(largest, SMALLEST, LARGEST)) return values.map(formatNumber);
  // A step of 2.5 needs one more than its power of ten.
  const digits = Math.ceil(-Math.log10(second - first)) + 1;
  const plain = fixed(Math.min(MAX_DIGITS, Math.max(0, digits)));
  return values.map((value) => plain.format(value));
}

export function formatValue(value: number | string | boolean): string {
  if (typeof value === "number") return formatExact(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === "" ? "(empty)" : value.replace(/\p{C}/gu, " ");
}

/** At most so many digits after the point. Making such a format takes long: each is made once. */
function fixed(digits: number): Intl.NumberFormat {
  const known = fixedFormats.get(digits);
  const format = known ?? new Intl.NumberFormat("en", { maximumFractionDigits: digits });
  if (!known) fixedFormats.set(digits, format);
  return format;
}
const fixedFormats = new Map<number, Intl.NumberFormat>();

function isWithin(value: number, smallest: number, largest: number): boolean {
  const size = Math.abs(value);
  return size === 0 || (size >= smallest && size < largest);
}

/** With as many digits as needed, or `digits` after the point. */
function exponential(value: number, digits?: number): string {
  const text = value.toExponential(digits).replace("e+", "e");
  return digits === undefined ? text : text.replace(/\.?0+e/, "e");
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

/** `2026-11-29 04:13:05`, where the reader is. */
export function formatTime(ms: number): string {
  if (Number.isNaN(new Date(ms).getTime())) return "—";
  const parts = new Map(TIME.formatToParts(ms).map(({ type, value }) => [type, value]));
  const [date, clock] = [DATE_PARTS, CLOCK_PARTS].map((names) => names.map((n) => parts.get(n)));
  return `${date?.join("-")} ${clock?.join(":")}`;
}

/** `04:13:05`, where the reader is. */
export function formatClock(ms: number): string {
  return CLOCK.format(ms);
}

/** `04:13`, where the reader is. */
export function formatMinute(ms: number): string {
  return MINUTE.format(ms);
}

/** The parts of a topic between its slashes; what a terminal would obey is shown as a blank. */
export function segmentsOf(topic: string): string[] {
  return topic.replace(/\p{C}/gu, " ").split("/");
}
