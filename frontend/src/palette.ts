// The command palette: Ctrl-K (or ⌘K) from anywhere, a few letters, Enter.

function dialog(): HTMLDialogElement | null {
  return document.querySelector<HTMLDialogElement>("#palette");
}

function options(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>("#palette-hits [data-path]")];
}

function choose(index: number): void {
  const all = options();
  const input = document.querySelector<HTMLInputElement>("#palette-input");
  all.forEach((each, at) => each.setAttribute("aria-selected", String(at === index)));
  const chosen = all[index];
  if (chosen) {
    input?.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  } else {
    input?.removeAttribute("aria-activedescendant");
  }
}

function chosen(): number {
  return options().findIndex((each) => each.getAttribute("aria-selected") === "true");
}

function open(): void {
  const found = dialog();
  if (!found || found.open) return;
  found.showModal();
  const input = found.querySelector<HTMLInputElement>("input");
  input?.select();
  input?.dispatchEvent(new Event("palette"));
}

function go(option: HTMLElement | null | undefined, elsewhere: boolean): void {
  const path = option?.dataset.path;
  if (!path) return;
  dialog()?.close();
  if (elsewhere) window.open(path, "_blank", "noopener");
  else location.assign(path);
}

/** What the arrows choose of so many, going round at the ends. */
export function next(key: string, now: number, length: number): number {
  if (length === 0) return -1;
  if (key === "Home") return 0;
  if (key === "End") return length - 1;
  return (now + (key === "ArrowDown" ? 1 : -1) + length) % length;
}

/** Open it by its keys and buttons, and choose within it. */
export function followPalette(): void {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
      return;
    }
    if (!dialog()?.open) return;
    if (["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      choose(next(event.key, chosen(), options().length));
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(options()[chosen()], event.ctrlKey || event.metaKey);
    }
  });
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-palette-open]")) open();
    else if (target === dialog()) dialog()?.close(); // beside it
    else go(target.closest<HTMLElement>("#palette-hits [data-path]"), event.ctrlKey || event.metaKey);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if ((event.target as Element).id === "palette-hits") choose(0);
  });
}
