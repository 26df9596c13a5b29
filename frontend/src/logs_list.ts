// The list itself: of any number of lines only those that are seen are elements. What is seen stays
// where it is when lines come before or after it, leave, or turn out higher than was thought.
import { made } from "./logs_dom";
import { plainText } from "./logs_ansi";
import type { Line } from "./logs_line";
import { Lines } from "./logs_lines";
import { type Look, rowOf } from "./logs_row";

const BEYOND = 300; // pixels above and below what is seen
const NEAR = 600; // pixels from an end at which more is asked for
const PASSES = 3; // of measuring, within one frame

/** What the list tells. */
export interface Listener {
  followed(follows: boolean): void;
  nearFirst(): void;
  nearLast(): void;
}

interface Measures {
  row: number; // pixels of a line that fits
  more: number; // of each further line of text
  columns: number; // characters of a line of text
}

export class List {
  readonly lines = new Lines();
  readonly scroller = made("div", "log-scroll", { tabindex: "0", role: "treegrid", "aria-label": "Lines of logs" });
  readonly head = made("div", "log-begin", { role: "row" });
  readonly #space = made("div", "log-space", { role: "rowgroup" });
  readonly #window = made("div", "log-window", { role: "presentation" });
  readonly #shown = new Map<Line, HTMLElement>();
  readonly #look: Look;
  readonly #listener: Listener;
  readonly #resized = new ResizeObserver(() => this.#measured());
  #measures: Measures = { row: 22, more: 20, columns: 80 };
  #anchor: { line: Line; below: number } | null = null;
  #top = 0; // as it was set last
  #scrollHeight = 0;
  #headHeight = 0;
  #height = 0;
  #asked = 0;
  #stale = false;
  follows = true;
  wraps = false;
  selected: Line | null = null;

  constructor(look: Look, listener: Listener) {
    this.#look = look;
    this.#listener = listener;
    this.#space.append(this.#window);
    this.scroller.append(made("div", "log-begin-row", { role: "rowgroup" }, this.head), this.#space);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#resized.observe(this.scroller);
  }

  /** Take lines in; how many were new. */
  add(lines: readonly Line[]): number {
    for (const line of lines) line.height = this.#guess(line);
    const added = this.lines.add(lines);
    if (added > 0) this.draw();
    return added;
  }

  /** Draw in the next frame. */
  draw(): void {
    this.#asked ||= requestAnimationFrame(() => {
      this.#asked = 0;
      this.#drawNow();
    });
  }

  /** Make all rows anew: how they look changed. */
  redraw(): void {
    this.#stale = true;
    this.draw();
  }

  /** Wrap long lines, or do not; heights are guessed anew. */
  wrap(wraps: boolean): void {
    this.wraps = wraps;
    this.scroller.classList.toggle("log-wraps", wraps);
    this.restyle();
  }

  /** Guess and measure all anew: the style is another one. */
  restyle(): void {
    this.#measures = { row: 0, more: 0, columns: 0 };
    this.#measured();
  }

  /** Stay with the newest line. */
  follow(): void {
    this.#tell(true);
    this.#anchor = null;
    this.draw();
  }

  /** Begin with the oldest that is there. */
  toFirst(): void {
    this.#tell(false);
    this.#scrollTo(0);
  }

  /** Unfold or fold a line. */
  toggle(line: Line): void {
    line.open = !line.open;
    this.#shown.get(line)?.remove();
    this.#shown.delete(line);
    this.lines.resize(line, this.#guess(line));
    if (!this.#anchor) this.#keepPlace(line);
    this.draw();
  }

  /** Select a line and bring it into view, in the middle where it is far off. */
  select(line: Line): void {
    const before = this.selected && this.#shown.get(this.selected);
    before?.removeAttribute("aria-selected");
    this.selected = line;
    const index = this.lines.indexOf(line);
    const top = this.lines.top(index) + this.#headHeight;
    const bottom = top + line.height;
    const seen = this.#top + this.#height;
    if (top < this.#top || bottom > seen) {
      this.#tell(false);
      const near = top > this.#top - this.#height && bottom < seen + this.#height;
      const edge = top < this.#top ? top : bottom - this.#height;
      this.#scrollTo(near ? edge : top - this.#height / 2);
    }
    this.draw();
  }

  /** Select the line so many after the selected one, or the last one that is seen. */
  step(by: number): void {
    const now = this.selected;
    const index = now ? this.lines.indexOf(now) + by : this.lines.indexAt(this.#top + this.#height - this.#headHeight - 1);
    const line = this.lines.at(Math.max(0, Math.min(this.lines.length - 1, index)));
    if (line) this.select(line);
  }

  /** Scroll by so many of what is seen. */
  page(by: number): void {
    const top = this.#top + by * this.#height * 0.9;
    this.#tell(by > 0 && top >= this.#headHeight + this.lines.total - this.#height);
    this.#scrollTo(top);
  }

  /** The line of a row. */
  lineOf(row: Element): Line | undefined {
    return [...this.#shown].find(([, element]) => element === row)?.[0];
  }

  /** The index of the first line that is seen. */
  get firstSeen(): number {
    return this.lines.indexAt(Math.max(0, this.#top - this.#headHeight));
  }

  /** No more is drawn. */
  stop(): void {
    cancelAnimationFrame(this.#asked);
    this.#resized.disconnect();
  }

  #tell(follows: boolean): void {
    if (this.follows === follows) return;
    this.follows = follows;
    this.#listener.followed(follows);
  }

  #scrolled(): void {
    const top = this.scroller.scrollTop;
    if (Math.abs(top - this.#top) < 1) return; // it was us
    if (this.follows && this.scroller.scrollHeight !== this.#scrollHeight) {
      this.draw(); // there is another height to scroll over: it was nobody
      return;
    }
    const upwards = top < this.#top;
    this.#top = top;
    const end = this.#headHeight + this.lines.total - this.#height;
    if (this.follows && upwards && top < end - 2) this.#tell(false);
    else if (!this.follows && !upwards && top >= end - 2) this.#tell(true);
    this.#keepPlace();
    this.draw();
  }

  /** Remember which line is at the top, or another one, and where: it stays there. */
  #keepPlace(line = this.lines.at(this.firstSeen)): void {
    if (this.follows || line === undefined) this.#anchor = null;
    else {
      const top = this.lines.top(this.lines.indexOf(line)) + this.#headHeight;
      this.#anchor = { line, below: top - this.#top };
    }
  }

  #scrollTo(top: number): void {
    const end = Math.max(0, this.#headHeight + this.lines.total - this.#height);
    this.#top = Math.max(0, Math.min(end, top));
    this.#keepPlace();
    this.draw();
  }

  #drawNow(): void {
    if (this.#height === 0) return; // not seen
    if (this.#stale) {
      this.#window.replaceChildren();
      this.#shown.clear();
      this.#stale = false;
    }
    for (let pass = 0; pass < PASSES; pass += 1) {
      this.#place();
      const fresh = this.#fill();
      if (!this.#measure(fresh)) break;
      if (pass === PASSES - 1) this.draw();
    }
    const end = this.#headHeight + this.lines.total - this.#height;
    if (this.#top < NEAR) this.#listener.nearFirst();
    if (!this.follows && this.#top > end - NEAR) this.#listener.nearLast();
  }

  /** Where what is seen begins. */
  #place(): void {
    const { total } = this.lines;
    if (this.follows) this.#top = Math.max(0, this.#headHeight + total - this.#height);
    else if (this.#anchor) {
      const index = this.lines.indexOf(this.#anchor.line);
      this.#top = Math.max(0, this.lines.top(index) + this.#headHeight - this.#anchor.below);
    }
    const height = `${total}px`;
    if (this.#space.style.height !== height) this.#space.style.height = height;
    if (Math.abs(this.scroller.scrollTop - this.#top) >= 1) {
      this.scroller.scrollTop = this.#top;
      this.#top = this.scroller.scrollTop;
    }
    this.#scrollHeight = this.scroller.scrollHeight;
  }

  /** Rows for what is seen; those that were made. */
  #fill(): Line[] {
    const seen = this.#top - this.#headHeight;
    const begin = this.lines.indexAt(Math.max(0, seen - BEYOND));
    const end = this.lines.indexAt(seen + this.#height + BEYOND) + 1;
    const wanted = this.lines.slice(begin, end);
    const kept = new Set(wanted);
    for (const [line, row] of this.#shown) {
      if (kept.has(line)) continue;
      row.remove();
      this.#shown.delete(line);
    }
    const fresh: Line[] = [];
    let next = this.#window.firstElementChild;
    wanted.forEach((line, offset) => {
      let row = this.#shown.get(line);
      if (row === undefined) {
        row = rowOf(line, this.#look);
        this.#shown.set(line, row);
        fresh.push(line);
      }
      if (row === next) next = next.nextElementSibling;
      else this.#window.insertBefore(row, next);
      row.setAttribute("aria-rowindex", String(begin + offset + 2));
      if (line === this.selected) row.setAttribute("aria-selected", "true");
    });
    this.#window.style.transform = `translateY(${this.lines.top(begin)}px)`;
    this.scroller.setAttribute("aria-rowcount", String(this.lines.length + 1));
    const active = this.selected && this.#shown.get(this.selected);
    if (active) this.scroller.setAttribute("aria-activedescendant", active.id);
    else this.scroller.removeAttribute("aria-activedescendant");
    return fresh;
  }

  /** Whether any of them is of another height than was thought. */
  #measure(fresh: readonly Line[]): boolean {
    let changed = false;
    for (const line of fresh) {
      const row = this.#shown.get(line);
      if (!this.wraps && !line.open && !line.isGap) continue; // all are of one height
      if (row === undefined) continue;
      if (line.open) this.#resized.observe(row);
      const height = row.getBoundingClientRect().height;
      if (Math.abs(height - line.height) < 0.5) continue;
      this.lines.resize(line, height);
      changed = true;
    }
    return changed;
  }

  /** The list, or a line that is unfolded, has another size. */
  #measured(): void {
    const { clientHeight, clientWidth } = this.scroller;
    const row = this.#probe();
    const changed = row.columns !== this.#measures.columns || row.row !== this.#measures.row;
    this.#measures = row;
    this.#height = clientWidth === 0 ? 0 : clientHeight;
    this.#headHeight = this.head.parentElement?.offsetHeight ?? 0;
    this.lines.resizeAll((line) => (changed || line.height === 0 ? this.#guess(line) : line.height));
    this.#measure([...this.#shown.keys()]);
    this.draw();
  }

  /** How high a row is, and how much text fits into one. */
  #probe(): Measures {
    const line = made("span", "", {}, "0".repeat(50));
    const text = made("span", "log-text", {}, line);
    const from = made("span", "log-from", {}, "x");
    const row = made("div", "log-row log-probe", {}, made("span", "log-time", {}, "0"), from);
    row.append(made("span", "log-level", {}, "x"), text);
    if (!this.#look.several) from.remove();
    this.#window.append(row);
    const width = line.getBoundingClientRect().width / 50;
    const space = this.scroller.clientWidth - (text.getBoundingClientRect().left - row.getBoundingClientRect().left) - 12;
    line.textContent = "0";
    const { height } = row.getBoundingClientRect();
    const more = Number.parseFloat(getComputedStyle(text).lineHeight) || height;
    row.remove();
    return { row: height || 22, more, columns: Math.max(10, Math.floor(space / width) || 80) };
  }

  #guess(line: Line): number {
    if (line.isGap || (!this.wraps && !line.open)) return this.#measures.row;
    const length = line.text.includes("\x1b") ? plainText(line.text).length : line.text.length;
    const lines = Math.max(1, Math.ceil(Math.min(length, 5_000) / this.#measures.columns));
    return this.#measures.row + (lines - 1) * this.#measures.more;
  }
}
