// What a viewer chose is kept in cookies, so that the server draws the page that way at once.

/** Remember a choice for a year. */
export function remember(name: string, value: string): void {
  document.cookie = `fleet-${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
}

const THEMES = ["system", "light", "dark"] as const;

/** The button `[data-theme-switch]` goes through system, light and dark. */
export function switchThemes(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-theme-switch]");
    if (!button) return;
    const root = document.documentElement;
    const now = THEMES.indexOf((root.dataset.theme ?? "system") as (typeof THEMES)[number]);
    const next = THEMES[(now + 1) % THEMES.length] ?? "system";
    root.dataset.theme = next;
    remember("theme", next);
    button.setAttribute("aria-label", `Colours: ${next}`);
    button.title = `Colours: ${next}`;
    document.dispatchEvent(new CustomEvent("fleet:theme"));
  });
}

/** Radio buttons `[data-choice=NAME]` set `data-NAME` of the document, and are remembered. */
export function followChoices(): void {
  document.addEventListener("change", (event) => {
    const input = event.target as HTMLInputElement;
    const name = input.dataset?.choice;
    if (!name) return;
    document.documentElement.setAttribute(`data-${name}`, input.value);
    remember(name, input.value);
  });
}
