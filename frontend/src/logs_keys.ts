// The keys of the viewer, and the list of them.
import { made } from "./logs_dom";

/** What keys do. */
export interface Commands {
  find(): void;
  hit(by: 1 | -1): void;
  pause(): void;
  first(): void;
  last(): void;
  wrap(): void;
  dense(): void;
  full(leave: boolean): void;
  step(by: number): void;
  page(by: 1 | -1): void;
  unfold(): void;
  copy(): void;
  keys(): void;
}

type Keys = ReadonlyArray<readonly [keys: string, does: string, act: (commands: Commands) => void]>;

const KEYS: Keys = [
  ["/", "Search in the lines that are here", (to) => to.find()],
  ["n", "Next line that has it", (to) => to.hit(1)],
  ["N", "The one before", (to) => to.hit(-1)],
  ["Space", "Pause, go on", (to) => to.pause()],
  ["g", "To the oldest line that is here", (to) => to.first()],
  ["G", "To the newest line, and stay there", (to) => to.last()],
  ["ArrowUp", "Select the line before", (to) => to.step(-1)],
  ["ArrowDown", "Select the next line", (to) => to.step(1)],
  ["PageUp", "Scroll up", (to) => to.page(-1)],
  ["PageDown", "Scroll down", (to) => to.page(1)],
  ["Enter", "Unfold the selected line, fold it", (to) => to.unfold()],
  ["c", "Copy the address of the selected line", (to) => to.copy()],
  ["w", "Wrap long lines, or not", (to) => to.wrap()],
  ["d", "Smaller text, or not", (to) => to.dense()],
  ["f", "Fill the window, or not", (to) => to.full(false)],
  ["Escape", "Leave the full window", (to) => to.full(true)],
  ["?", "This list", (to) => to.keys()],
];
const TAKES_KEYS = "input, select, textarea, summary, dialog, [contenteditable]";
const PRESSED = "button, a[href]"; // which Space and Enter press

/** Let a key do what it does; whether it does anything. */
export function press(event: KeyboardEvent, commands: Commands): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(TAKES_KEYS) || document.querySelector("dialog[open]")) return false;
  const name = event.key === " " ? "Space" : event.key;
  if ((name === "Space" || name === "Enter") && target.closest(PRESSED)) return false;
  const found = KEYS.find(([key]) => key === name);
  if (found === undefined) return false;
  event.preventDefault();
  found[2](commands);
  return true;
}

/** A dialog that lists them. */
export function keysDialog(): HTMLDialogElement {
  const rows = KEYS.map(([key, does]) =>
    made("tr", "", {}, made("td", "", {}, made("kbd", "", {}, key)), made("td", "", {}, does)),
  );
  const table = made("table", "", {}, made("tbody", "", {}, ...rows));
  const close = made("form", "", { method: "dialog" }, made("button", "", {}, "Close"));
  const dialog = made("dialog", "log-keys panel", { "aria-label": "Keys" }, made("h2", "", {}, "Keys"), table, close);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
