/** Keys for the whole page: none while a field is being filled in. */

/** What each key does. */
export type Keys = Readonly<Record<string, () => void>>;

export function startKeys(keys: Keys): void {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const isTyping =
      target instanceof HTMLInputElement ||
      target instanceof HTMLSelectElement ||
      target instanceof HTMLTextAreaElement;
    const action = keys[key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping && key !== "Escape") return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    action();
  });
}
