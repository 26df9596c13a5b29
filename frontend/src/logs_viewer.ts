// <fleet-log>: the viewer. On its page it takes over the lines that the server drew; elsewhere
// `data-host`, `data-container` and `data-tail` say whose lines, and with how many it begins.
import { remember } from "./choices";
import { Bar } from "./logs_bar";
import { button, made } from "./logs_dom";
import { type Finder, findRegex, findText } from "./logs_find";
import { Finding } from "./logs_finding";
import { type Commands, keysDialog, press } from "./logs_keys";
import { drawnLine, type Line, markOf } from "./logs_line";
import { List } from "./logs_list";
import { copied } from "./logs_row";
import { Said } from "./logs_said";
import { type Asked, Session } from "./logs_session";

const DAY = 86_400_000;
const NARROW = 640; // pixels below which lines are wrapped unless chosen otherwise
const TYPED = 150; // milliseconds after which what is typed is searched for

export class FleetLog extends HTMLElement implements Commands {
  #list!: List;
  #session!: Session;
  #bar!: Bar;
  #finding!: Finding;
  #said!: Said;
  #asked!: Asked;
  #finder: Finder | null = null;
  #typing = 0;
  #counting = 0;
  #base = "";
  #empty: Element | null = null; // what is said where there is no line
  #whose = new Set<string>();
  #more = button("log-more primary", "Go to the newest", "", "G", () => this.last());
  #keysOf: Document | HTMLElement = this;
  #look = {
    several: false,
    finders: [] as Finder[],
    address: (line: Line) => this.#address(line),
    toggle: (line: Line) => this.#list.toggle(line),
  };
  readonly #pressed = (event: Event): void => {
    press(event as KeyboardEvent, this);
  };

  connectedCallback(): void {
    const isPage = this.dataset.page !== undefined;
    const drawn = [...this.querySelectorAll<HTMLElement>(".log-row")].map(drawnLine);
    this.#asked = this.#read(isPage, drawn.length > 0);
    const { query } = this.#asked;
    this.#base = query.size > 0 ? `/logs?${query}&at=` : "/logs?at=";
    this.#list = new List(this.#look, {
      followed: (follows) => this.#followed(follows),
      nearFirst: () => void this.#session.older(),
      nearLast: () => void this.#session.newer(),
    });
    this.#bar = new Bar(this, this.#asked.isLive, isPage, (wanted) => this.#search(wanted));
    this.#finding = new Finding(this.#list, (words) => this.#bar.hits(words));
    this.#said = new Said();
    this.#session = new Session(this.#list, this.#asked, {
      state: (state, words) => this.#bar.state(state, words),
      took: (lines, added) => this.#took(lines, added),
      begin: (state, words) => this.#begin(state, words),
      held: (count, isCut) => this.#held(count, isCut),
    });
    this.#build();
    this.#keysOf = isPage ? document : this;
    this.#keysOf.addEventListener("keydown", this.#pressed);
    this.#list.follows = this.#asked.isLive || this.dataset.at === undefined;
    this.#took(drawn, this.#list.add(drawn));
    this.#session.start(this.dataset.resume ?? "");
    const here = drawn.find((line) => markOf(line) === this.dataset.at);
    if (here) requestAnimationFrame(() => this.#list.select(here));
  }

  disconnectedCallback(): void {
    this.#keysOf.removeEventListener("keydown", this.#pressed);
    this.#session.stop();
    this.#list.stop();
    this.#said.stop();
  }

  find(): void {
    this.#bar.input.select();
    this.#bar.input.focus();
  }

  hit(by: 1 | -1): void {
    this.#finding.step(by);
  }

  pause(): void {
    if (!this.#asked.isLive) return;
    this.#session.pause(!this.#session.isPaused);
    this.#bar.paused(this.#session.isPaused);
  }

  first(): void {
    this.#list.toFirst();
  }

  last(): void {
    void this.#session.release();
    if (this.#session.isPaused) this.pause();
  }

  wrap(): void {
    this.#wrap(!this.#list.wraps);
    remember("logwrap", this.#list.wraps ? "on" : "off");
  }

  dense(): void {
    const on = this.classList.toggle("log-dense");
    this.#bar.toggled("dense", on);
    this.#list.restyle();
    remember("logdense", on ? "on" : "off");
  }

  full(leave: boolean): void {
    const on = this.classList.toggle("log-full", !leave && !this.classList.contains("log-full"));
    this.#bar.toggled("full", on);
  }

  step(by: number): void {
    this.#list.step(by);
  }

  page(by: 1 | -1): void {
    this.#list.page(by);
  }

  unfold(): void {
    const { selected } = this.#list;
    if (selected && !selected.isGap) this.#list.toggle(selected);
  }

  copy(): void {
    const { selected } = this.#list;
    if (!selected || selected.isGap) return;
    const address = new URL(this.#address(selected), location.href).href;
    void copied(address).then((done) => this.#bar.hits(done ? "Address copied" : "Copying is not allowed here"));
  }

  keys(): void {
    const dialog = keysDialog();
    this.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  }

  #read(isPage: boolean, hasLines: boolean): Asked {
    const { query, host, container, start, end, older, tail } = this.dataset;
    const meant = new URLSearchParams(query ?? "");
    if (host) meant.append("host", host);
    if (container) meant.append("container", container);
    return {
      query: meant,
      start: start ?? new Date(Date.now() - DAY).toISOString(),
      end: end ?? null,
      isLive: end === undefined,
      hasOlder: isPage ? Boolean(older) : true,
      tail: hasLines ? 0 : Number(tail ?? 200),
    };
  }

  #build(): void {
    const finders = [findText(this.#asked.query.get("text") ?? ""), findRegex(this.#asked.query.get("regex") ?? "(?!)")];
    this.#look.finders = finders.filter((finder) => finder !== null);
    this.#more.hidden = true;
    this.#more.removeAttribute("aria-label"); // what it says is what it is
    this.#list.scroller.addEventListener("click", (event) => this.#clicked(event));
    const body = made("div", "log-body", {}, this.#list.scroller, this.#more);
    const drawn = this.querySelector(".log-static");
    this.#empty = drawn?.querySelector(".empty") ?? null;
    if (this.#empty) body.append(this.#empty);
    const frame = made("div", "log-frame", {}, this.#bar.element, body, this.#said.element);
    if (drawn) drawn.replaceWith(frame);
    else this.prepend(frame);
    const { wrap } = this.dataset;
    this.#wrap(wrap === "on" || (wrap !== "off" && this.clientWidth < NARROW));
    this.#bar.toggled("dense", this.classList.contains("log-dense"));
    this.#bar.toggled("full", false);
  }

  #clicked(event: MouseEvent): void {
    const target = event.target as Element;
    const row = target.closest(".log-row");
    if (!row || target.closest("a, button, details") || String(getSelection()) !== "") return;
    const line = this.#list.lineOf(row);
    if (line && !line.isGap) this.#list.select(line);
  }

  #wrap(on: boolean): void {
    this.#list.wrap(on);
    this.#bar.toggled("wrap", on);
  }

  #search(wanted: string): void {
    clearTimeout(this.#typing);
    this.#typing = window.setTimeout(() => {
      const before = this.#finder;
      this.#finder = this.#finding.search(wanted);
      this.#look.finders = this.#look.finders.filter((finder) => finder !== before);
      if (this.#finder) this.#look.finders.push(this.#finder);
      this.#list.redraw();
    }, TYPED);
  }

  #took(lines: readonly Line[], added: number): void {
    for (const line of lines) {
      if (!line.isGap && this.#whose.size < 2) this.#whose.add(`${line.host}/${line.name}`);
    }
    if (this.#whose.size > 1 && !this.#look.several) {
      this.#look.several = true;
      this.#list.redraw();
      this.#list.restyle();
    }
    this.#finding.took(lines);
    if (this.#list.follows && added > 0) this.#said.took(lines);
    this.#counting ||= requestAnimationFrame(() => {
      this.#counting = 0;
      this.#bar.count(this.#list.lines.length);
      if (this.#list.lines.length > 0) this.#empty?.remove();
    });
  }

  #begin(state: string, words: string): void {
    const { head } = this.#list;
    const cell = made("span", "", { role: "gridcell" }, words);
    head.dataset.state = state;
    if (state === "begin") {
      cell.append(`This is the beginning of what was asked for: since ${new Date(this.#asked.start).toLocaleString("en-GB")}. `);
      if (this.dataset.page !== undefined) cell.append(...this.#further());
    }
    head.replaceChildren(cell);
  }

  /** Links that look further back. */
  #further(): Node[] {
    return ["7d", "30d"].flatMap((last) => {
      const query = new URLSearchParams(location.search);
      for (const name of ["start", "at", "before"]) query.delete(name);
      query.set("last", last);
      return [made("a", "", { href: `?${query}` }, `Look back ${last}`), document.createTextNode(" ")];
    });
  }

  #followed(follows: boolean): void {
    if (follows) this.#session.seen();
  }

  #held(count: number, isCut: boolean): void {
    const isOff = !this.#list.follows || this.#session.isPaused || isCut;
    this.#more.hidden = !isOff || (count === 0 && !isCut);
    const words = `${count.toLocaleString("en")} new line${count === 1 ? "" : "s"} ↓`;
    this.#more.textContent = count === 0 ? "To the newest ↓" : words;
  }

  /** Of the page with a line. */
  #address(line: Line): string {
    return `${this.#base}${markOf(line)}`;
  }
}
