/** What to do where there is nothing to see. */
import { el } from "./dom.ts";

function panel(
  title: string,
  lead: string,
  ...steps: (string | readonly [string, string])[]
): HTMLElement {
  const items = steps.map((step) =>
    typeof step === "string"
      ? el("li", { text: step })
      : el("li", {}, `${step[0]} `, el("code", { text: step[1] })),
  );
  const list = items.length === 0 ? [] : [el("ol", {}, ...items)];
  return el("div", { class: "empty" }, el("h2", { text: title }), el("p", { text: lead }), ...list);
}

/** The credential may read nothing. */
export function nothingGranted(client: string): HTMLElement {
  return panel(
    "You may not read any topic yet",
    "The owner of the data grants topics. Then start the dashboard again.",
    ["The owner:", `veilmq kms grant ${client} --subscribe TOPIC --bridge URL`],
    ["You, to see what you may read:", "veilmq consume --list --credential FILE"],
  );
}

/** Topics are granted, and nothing has come. */
export function nothingCome(): HTMLElement {
  return panel(
    "Nothing has come yet",
    "The page fills by itself as soon as a device's first reading arrives. Until then, in this order:",
    "Do all hops above answer? If the bridge does not, ask its operator.",
    [
      "Does the agent run, and does it take readings? On the device:",
      "veilmq agent status --config agent.yaml",
    ],
    ["May the device publish the topic? The owner knows:", "veilmq kms show DEVICE"],
    [
      "Is the sensor plugged in? Nothing older than the history is shown. To have a longer one:",
      "veilmq dashboard --credential FILE --history 24h",
    ],
  );
}

/** The search fits nothing. */
export function nothingFits(): HTMLElement {
  return panel(
    "Nothing fits the search",
    "Topics, devices, names of values and units are searched. Esc clears it.",
  );
}

/** The server has not answered yet. */
export function nothingKnown(): HTMLElement {
  return panel("Connecting…", "The page goes on by itself as soon as the dashboard answers.");
}
