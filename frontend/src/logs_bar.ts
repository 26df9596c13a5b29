// The bar above the lines: pause, search, how they are shown.
import { button, made } from "./logs_dom";
import type { Commands } from "./logs_keys";

export class Bar {
  readonly element = made("div", "log-bar", { role: "toolbar", "aria-label": "Lines" });
  readonly input = made("input", "", { type: "search", placeholder: "Find", "aria-label": "Find in these lines", autocomplete: "off", spellcheck: "false" });
  readonly #pause: HTMLButtonElement;
  readonly #state = made("span", "log-state", { role: "status" });
  readonly #hits = made("output", "log-hits number", {});
  readonly #count = made("span", "log-count number muted", {});
  readonly #toggles: Record<"wrap" | "dense" | "full", HTMLButtonElement>;

  /** `search` is called with what is typed. */
  constructor(commands: Commands, isLive: boolean, isWhole: boolean, search: (wanted: string) => void) {
    this.#pause = button("log-pause", "Pause", "Pause", "Space", () => commands.pause());
    this.#toggles = {
      wrap: button("quiet", "Wrap long lines", "Wrap", "w", () => commands.wrap()),
      dense: button("quiet", "Dense: smaller text", "Dense", "d", () => commands.dense()),
      full: button("quiet", "Full window", "Full", "f", () => commands.full(false)),
    };
    const previous = button("quiet", "Previous line that has it", "↑", "N", () => commands.hit(-1));
    const next = button("quiet", "Next line that has it", "↓", "n", () => commands.hit(1));
    const find = made("span", "log-find", { role: "search" }, this.input, this.#hits, previous, next);
    this.element.append(...(isLive ? [this.#pause] : []), this.#state, find, this.#count, this.#toggles.wrap);
    if (isWhole) {
      const keys = button("quiet", "Keys", "?", "?", () => commands.keys());
      this.element.append(this.#toggles.dense, this.#toggles.full, keys);
    }
    this.input.addEventListener("input", () => search(this.input.value));
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") commands.hit(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") this.input.blur();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Whether lines come. */
  state(state: string, words: string): void {
    this.#state.dataset.state = state;
    if (this.#state.textContent !== words) this.#state.textContent = words;
  }

  hits(words: string): void {
    this.#hits.textContent = words;
  }

  count(lines: number): void {
    this.#count.textContent = `${lines.toLocaleString("en")} line${lines === 1 ? "" : "s"}`;
  }

  paused(isPaused: boolean): void {
    const words = isPaused ? "Go on" : "Pause";
    this.#pause.textContent = words;
    this.#pause.setAttribute("aria-label", words);
    this.#pause.classList.toggle("primary", isPaused);
  }

  toggled(name: "wrap" | "dense" | "full", on: boolean): void {
    this.#toggles[name].setAttribute("aria-pressed", String(on));
  }
}
