/** Keys for the whole page: none while a field is being filled in. */

/** What each key does. */
export type Keys = Readonly<Record<string, () => void>>;

const STORED = "veilmq-keys";
const OFF = "off";

/**
 * `toggle` turns those of a single character off, which the browser remembers: who speaks to a computer, or strikes keys
 * by accident, must be able to (WCAG 2.1.4).
 */
export function startKeys(keys: Keys, toggle: HTMLInputElement): void {
  toggle.checked = localStorage.getItem(STORED) !== OFF;
  toggle.addEventListener("change", () => {
    if (toggle.checked) localStorage.removeItem(STORED);
    else localStorage.setItem(STORED, OFF);
  });
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const isTyping =
      target instanceof HTMLInputElement ||
      target instanceof HTMLSelectElement ||
      target instanceof HTMLTextAreaElement;
    const action = keys[key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key !== "Escape" && (isTyping || !toggle.checked)) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action();
  });
}
