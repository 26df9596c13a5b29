// <fleet-chart>: one chart of a group. It draws what the group tells it, and says where its cursor is.
import type uPlot from "uplot";
import { palette } from "./charts_colours";
import type { Answer } from "./charts_documents";
import { wordsNear, type Mark } from "./charts_marks";
import { columns, plot, type Drawing } from "./charts_plot";
import { figure, isKind, type Figure, type Kind } from "./charts_series";
import type { Span } from "./charts_span";
import { written } from "./charts_words";
import { moment } from "./times";

const NOTHING: Partial<Record<Kind, string>> = {
  cpu: "Not known: that takes two samples in a row.",
  network: "The Engine tells none: it has no network of its own.",
  load: "Not known: only the Engine of this host can be asked.",
  disk: "Not known: only the Engine of this host can be asked.",
};

/** What a chart wants of its group. */
export interface Group {
  readonly key: string;
  zoom(from: number, to: number): void;
  back(): void;
}

function element(name: string, of: string, ...within: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  made.className = of;
  made.append(...within);
  return made;
}

export class FleetChart extends HTMLElement {
  readonly #legend = element("ul", "chart-legend plain");
  readonly #area = element("div", "chart-area");
  readonly #tip = element("div", "chart-tip");
  readonly #words = element("p", "chart-words");
  readonly #resized = new ResizeObserver(() => this.#fit());
  #drawing: Drawing | null = null;
  #plot: uPlot | null = null;
  #group: Group | null = null;

  get kind(): Kind | null {
    return isKind(this.dataset.kind) ? this.dataset.kind : null;
  }

  get heading(): string {
    return this.dataset.title ?? this.dataset.kind ?? "";
  }

  get figure(): Figure | null {
    return this.#drawing?.figure ?? null;
  }

  connectedCallback(): void {
    this.setAttribute("role", "group");
    this.setAttribute("aria-label", `Chart: ${this.heading}. Arrow keys move in time, plus and minus zoom.`);
    this.tabIndex = 0;
    this.#tip.hidden = true;
    const head = element("div", "chart-head", element("h3", "", this.heading), this.#legend);
    this.replaceChildren(head, this.#area, this.#words);
    this.say("Loading");
    this.#resized.observe(this.#area);
    this.addEventListener("pointerleave", () => (this.#tip.hidden = true));
  }

  disconnectedCallback(): void {
    this.#resized.disconnect();
    this.#forget();
  }

  /** Words in place of a chart. */
  say(words: string): void {
    this.#words.textContent = words;
    this.#words.hidden = words === "";
    this.#area.toggleAttribute("data-empty", words !== "");
  }

  /** Draw what is known of a span. */
  draw(answer: Answer, marks: Mark[], span: Span, group: Group): void {
    if (!this.kind) return;
    this.#group = group;
    const before = this.figure?.lines.map((line) => line.label).join();
    const ends = marks.filter((mark) => mark.ends).map((mark) => mark.time);
    const drawn = figure(this.kind, answer, ends);
    const { start, end } = span;
    if (!drawn.lines.some((line) => line.role !== "limit")) {
      this.#forget();
      this.say(answer.points.length ? NOTHING[this.kind] ?? "Nothing is known of it in this span." : "");
      return;
    }
    this.say("");
    const colours = this.#drawing?.colours ?? palette(this);
    if (this.#plot && this.#drawing && before === drawn.lines.map((line) => line.label).join()) {
      Object.assign(this.#drawing, { figure: drawn, marks, start, end });
      this.#plot.setData(columns(drawn));
    } else {
      this.#drawing = { figure: drawn, marks, start, end, colours };
      this.#make();
    }
    this.#tell();
  }

  /** Draw again in the colours of now. */
  recolour(): void {
    if (!this.#drawing) return;
    this.#drawing.colours = palette(this);
    this.#make();
  }

  /** Move the cursor by some points, or to the first or last one; the words of what is there. */
  step(by: number): string {
    const times = this.figure?.times ?? [];
    if (!this.#plot || !times.length) return "";
    const now = this.#plot.cursor.idx ?? (by < 0 ? times.length : -1);
    const index = Math.min(Math.max(now + by, 0), times.length - 1);
    const time = times[index] as number;
    this.#plot.setCursor({ left: this.#plot.valToPos(time, "x"), top: this.#plot.over.clientHeight / 2 });
    this.#point(index);
    const values = this.#entries(index).map(({ label, value }) => `${label} ${value}`);
    return [`${moment(new Date(time * 1000))}: ${this.heading} ${values.join(", ")}`, ...this.#near(time)].join("; ");
  }

  /** Where the cursor is, in seconds. */
  get cursor(): number | null {
    const index = this.#plot?.cursor.idx;
    return index === null || index === undefined ? null : this.figure?.times[index] ?? null;
  }

  #make(): void {
    this.#forget(false);
    if (!this.#drawing || !this.#group) return;
    const group = this.#group;
    this.#plot = plot(this.#area, this.#drawing, group.key, {
      moved: () => this.#tell(),
      chosen: (from, to) => group.zoom(from, to),
      back: () => group.back(),
    });
    this.#plot.over.append(this.#tip);
  }

  #forget(whole = true): void {
    this.#plot?.destroy();
    this.#plot = null;
    if (!whole) return;
    this.#drawing = null;
    this.#legend.replaceChildren();
  }

  #fit(): void {
    const { clientWidth: width, clientHeight: height } = this.#area;
    if (this.#plot && width && (width !== this.#plot.width || height !== this.#plot.height)) {
      this.#plot.setSize({ width, height });
    }
  }

  /** Each line's name and value at a point; the band as one. */
  #entries(index: number): { label: string; value: string; colour: number; dashed: boolean }[] {
    const { lines, unit } = this.#drawing?.figure ?? { lines: [], unit: "count" as const };
    const value = (role: string): string | null => {
      const found = lines.find((line) => line.role === role)?.values[index];
      return found === null || found === undefined ? null : written(found, unit);
    };
    return lines.filter((line) => line.role === "line" || line.role === "limit").map((line) => {
      const [low, high] = line.role === "line" ? [value("low"), value("high")] : [null, null];
      const told = written(line.values[index], unit);
      const spread = low && high && low !== high ? ` (${low} to ${high})` : "";
      return { label: line.label, value: told + spread, colour: line.colour, dashed: line.dashed };
    });
  }

  /** The values at the cursor, else the newest ones. */
  #tell(): void {
    const drawn = this.#drawing?.figure;
    if (!drawn) return;
    const at = this.#plot?.cursor.idx;
    const index = at ?? drawn.times.length - 1;
    this.#legend.replaceChildren(...this.#entries(index).map(({ label, value, colour, dashed }) => {
      const swatch = element("span", "chart-swatch");
      swatch.dataset.colour = String(colour);
      swatch.toggleAttribute("data-dashed", dashed);
      return element("li", "", swatch, `${label} `, element("b", "number", value));
    }));
    const inside = this.matches(":hover") && at !== null && at !== undefined;
    if (inside) this.#point(index);
    else if (!this.matches(":focus")) this.#tip.hidden = true;
  }

  #near(time: number): string[] {
    const drawing = this.#drawing;
    if (!drawing) return [];
    const width = this.#plot?.over.clientWidth || 1;
    return wordsNear(drawing.marks, time, ((drawing.end - drawing.start) * 6) / width);
  }

  /** A note beside the cursor: when, what happened, and which container it was. */
  #point(index: number): void {
    const drawing = this.#drawing;
    const time = drawing?.figure.times[index];
    if (!drawing || time === undefined || !this.#plot) return;
    const id = drawing.figure.incarnations[index];
    const words = [...this.#near(time), ...(id ? [`container ${id.slice(0, 12)}`] : [])];
    this.#tip.replaceChildren(
      element("b", "number", moment(new Date(time * 1000))), ...words.map((each) => element("span", "", each)),
    );
    const left = this.#plot.valToPos(time, "x");
    const beyond = left > this.#plot.over.clientWidth / 2;
    this.#tip.hidden = false;
    this.#tip.style.left = `${Math.round(left)}px`;
    this.#tip.toggleAttribute("data-left", beyond);
  }
}
