// What a screen reader is told of lines that come: the lines where they are few, else how many. Never
// more often than it can be said.
import { plainText } from "./logs_ansi";
import { made } from "./logs_dom";
import type { Line } from "./logs_line";

const PACE = 5_000;
const FEW = 3;
const MOST_SAID = 300; // characters of a line

export class Said {
  readonly element = made("div", "sr-only", { role: "log", "aria-label": "New lines" });
  #came: Line[] = [];
  #count = 0;
  #graves = 0;
  #timer = 0;

  /** Lines that came, and are shown. */
  took(lines: readonly Line[]): void {
    this.#count += lines.length;
    this.#graves += lines.filter((line) => line.level === "error" || line.level === "critical").length;
    this.#came.push(...lines.slice(0, FEW + 1 - this.#came.length));
    this.#timer ||= window.setTimeout(() => this.#say(), PACE);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #say(): void {
    const few = this.#came.map((line) => `${line.name}: ${line.level} ${plainText(line.text).slice(0, MOST_SAID)}`);
    const graves = this.#graves ? `, ${this.#graves} of them errors` : "";
    const said = this.#count <= FEW ? few : [`${this.#count} new lines${graves}`];
    this.element.replaceChildren(...said.map((text) => made("p", "", {}, text)));
    this.#came = [];
    this.#count = this.#graves = this.#timer = 0;
  }
}
