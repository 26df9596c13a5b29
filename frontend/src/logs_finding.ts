// Searching the lines that are there: which have it, and going from one to the next.
import { plainText } from "./logs_ansi";
import { type Finder, findRegex, findText } from "./logs_find";
import type { Line } from "./logs_line";
import type { List } from "./logs_list";

const SLICE = 4_000; // lines that are searched at once, so that frames are not late
const TELL = 250;

export class Finding {
  readonly #list: List;
  readonly #tell: (words: string) => void;
  #finder: Finder | null = null;
  #run = 0;
  #telling = 0;

  /** `tell` is told how many lines have it, and which of them is selected. */
  constructor(list: List, tell: (words: string) => void) {
    this.#list = list;
    this.#tell = tell;
  }

  /** Search for a text, or for what `/regex/` matches; an empty one ends it. */
  search(wanted: string): Finder | null {
    const regex = /^\/(.+)\/$/.exec(wanted);
    this.#finder = regex?.[1] ? findRegex(regex[1], "gi") : findText(wanted);
    this.#run += 1;
    for (const line of this.#list.lines) line.hit = false;
    if (this.#finder === null) this.#tell(regex ? "No regular expression" : "");
    else void this.#all(this.#run, [...this.#list.lines]);
    return this.#finder;
  }

  /** Lines that came. */
  took(lines: readonly Line[]): void {
    if (this.#finder === null) return;
    for (const line of lines) this.#look(line);
    this.#later();
  }

  /** Select the next one (1) or the one before (-1), going round at the ends. */
  step(by: 1 | -1): void {
    const { lines, selected, firstSeen } = this.#list;
    if (this.#finder === null || lines.length === 0) return;
    const all = [...lines];
    let index = selected ? lines.indexOf(selected) : firstSeen - by;
    for (let looked = 0; looked < all.length; looked += 1) {
      index = (index + by + all.length) % all.length;
      const line = all[index];
      if (line?.hit) {
        this.#list.select(line);
        break;
      }
    }
    this.#count();
  }

  async #all(run: number, lines: readonly Line[]): Promise<void> {
    for (let begin = 0; begin < lines.length; begin += SLICE) {
      for (const line of lines.slice(begin, begin + SLICE)) this.#look(line);
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (run !== this.#run) return;
    }
    this.#count();
  }

  #look(line: Line): void {
    const text = line.text.includes("\x1b") ? plainText(line.text) : line.text;
    line.hit = !line.isGap && (this.#finder?.(text).length ?? 0) > 0;
  }

  #later(): void {
    this.#telling ||= window.setTimeout(() => {
      this.#telling = 0;
      this.#count();
    }, TELL);
  }

  #count(): void {
    if (this.#finder === null) return;
    let hits = 0;
    let number = 0;
    for (const line of this.#list.lines) {
      if (!line.hit) continue;
      hits += 1;
      if (line === this.#list.selected) number = hits;
    }
    const all = hits.toLocaleString("en");
    this.#tell(hits === 0 ? "Not found" : number === 0 ? `${all} lines` : `${number.toLocaleString("en")} of ${all}`);
  }
}
