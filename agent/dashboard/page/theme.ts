/** Light, dark, or as the system has it: remembered by the browser. */
const KEY = "veilmq-theme";
const CHOICES = ["system", "light", "dark"] as const;
type Choice = (typeof CHOICES)[number];

/** Shows the choice on `button`, which changes it; `onChange` after the colours are other ones. */
export function startTheme(button: HTMLElement, onChange: () => void): { next: () => void } {
  let choice = stored();
  const show = (): void => {
    if (choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = choice;
    button.textContent = { system: "Auto", light: "Light", dark: "Dark" }[choice];
    button.setAttribute("aria-label", `${button.textContent} colours`);
    onChange();
  };
  const next = (): void => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "system";
    localStorage.setItem(KEY, choice);
    show();
  };
  button.addEventListener("click", next);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
  show();
  return { next };
}

function stored(): Choice {
  const text = localStorage.getItem(KEY);
  return CHOICES.find((choice) => choice === text) ?? "system";
}
