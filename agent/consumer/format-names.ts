/** In a file of its own: the command line knows them without loading what writes them. */
export const FORMAT_NAMES = ["ndjson", "csv", "senml", "pretty"] as const;
export type FormatName = (typeof FORMAT_NAMES)[number];
