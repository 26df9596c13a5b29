// A field above a long list of names and values, which leaves those that have what is written in it.

function field(list: HTMLElement, name: string): HTMLInputElement {
  const made = document.createElement("input");
  made.type = "search";
  made.className = "narrow no-print";
  made.placeholder = `Filter ${name.toLowerCase()}`;
  made.setAttribute("aria-label", made.placeholder);
  made.addEventListener("input", () => {
    const wanted = made.value.toLowerCase();
    for (const key of list.querySelectorAll("dt")) {
      const value = key.nextElementSibling as HTMLElement | null;
      const told = `${key.textContent}=${value?.textContent}`.toLowerCase();
      key.hidden = !told.includes(wanted);
      if (value) value.hidden = key.hidden;
    }
  });
  return made;
}

/** `details[data-narrows]` get one when they are opened first, where there is enough to look for. */
export function narrowLists(): void {
  document.addEventListener("toggle", (event) => {
    const details = event.target as HTMLElement;
    const list = details.querySelector?.<HTMLElement>(":scope[data-narrows] dl");
    if (!list || list.children.length < 12 || details.querySelector(".narrow")) return;
    list.before(field(list, details.querySelector("h2")?.textContent ?? ""));
  }, true);
}
