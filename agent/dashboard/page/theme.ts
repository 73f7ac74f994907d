/** Light, dark, or as the system has it: remembered by the browser. */
const KEY = "veilmq-theme";
const CHOICES = ["system", "light", "dark"] as const;
type Choice = (typeof CHOICES)[number];

/** Shows the choice from now on, and on `button`, which changes it. */
export class Theme {
  /** After the colours are other ones. */
  onChange = (): void => undefined;
  readonly #button: HTMLElement;
  #choice = stored();

  constructor(button: HTMLElement) {
    this.#button = button;
    button.addEventListener("click", () => this.next());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.onChange());
    this.#show();
  }

  next(): void {
    this.#choice = CHOICES[(CHOICES.indexOf(this.#choice) + 1) % CHOICES.length] ?? "system";
    localStorage.setItem(KEY, this.#choice);
    this.#show();
  }

  #show(): void {
    if (this.#choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.#choice;
    this.#button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[this.#choice];
    this.#button.setAttribute("aria-label", `${this.#button.textContent} colours`);
    this.onChange();
  }
}

function stored(): Choice {
  const text = localStorage.getItem(KEY);
  return CHOICES.find((choice) => choice === text) ?? "system";
}
