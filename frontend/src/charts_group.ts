// <fleet-charts>: charts with one range, one zoom and one cursor.
import { onColours } from "./charts_colours";
import { AskError, askEvents, askHistory } from "./charts_asking";
import type { Answer, EngineEvent } from "./charts_documents";
import { incarnationMarks, marks, mergeEvents, statusMarks, type Mark } from "./charts_marks";
import { FleetChart } from "./charts_one";
import { isRange, rangeSpan, zoomSpan, type Span } from "./charts_span";
import { table, type Titled } from "./charts_table";
import { moment } from "./times";

const LIVE = 10_000; // milliseconds: samples come that often
const AGAIN = 10_000;
const EMPTY = "No samples yet. The first one comes within 10 s.";
let made = 0;

export class FleetCharts extends HTMLElement {
  readonly key = `charts-${(made += 1)}`;
  readonly #bar = document.createElement("div");
  readonly #spoken = document.createElement("p");
  readonly #state = document.createElement("p");
  readonly #figures = document.createElement("details");
  #zoomed: Span[] = [];
  #range = "1h";
  #answers = new Map<string, Answer>();
  #refused = new Map<string, string>(); // sources, and why
  #events: EngineEvent[] = [];
  #asking = new AbortController();
  #ended = new AbortController();
  #timer = 0;

  connectedCallback(): void {
    this.#ended = new AbortController();
    const { signal } = this.#ended;
    this.#range = isRange(this.dataset.range) ? this.dataset.range : "1h";
    this.#frame();
    onColours(() => this.#charts().forEach((chart) => chart.recolour()), signal);
    document.addEventListener("click", (event) => this.#choose(event), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#load(), { signal });
    addEventListener("popstate", () => this.#follow(new URL(location.href).searchParams.get("range")), { signal });
    this.addEventListener("keydown", (event) => this.#press(event), { signal });
    void this.#load(true);
  }

  disconnectedCallback(): void {
    this.#ended.abort();
    this.#asking.abort();
    clearTimeout(this.#timer);
  }

  /** Show a part of what is shown, in finer steps. */
  zoom(from: number, to: number): void {
    this.#zoomed.push(zoomSpan(from, to));
    void this.#load(true);
  }

  /** Show what was shown before the last zoom. */
  back(): void {
    if (this.#zoomed.pop()) void this.#load(true);
  }

  #charts(): FleetChart[] {
    return [...this.querySelectorAll<FleetChart>("fleet-chart")];
  }

  #frame(): void {
    this.#bar.className = "chart-bar";
    const whole = document.createElement("button");
    whole.type = "button";
    whole.append("Zoom out");
    whole.addEventListener("click", () => this.back());
    this.#bar.replaceChildren(document.createElement("span"), whole);
    this.#bar.hidden = true;
    this.#spoken.className = "sr-only";
    this.#spoken.setAttribute("aria-live", "polite");
    this.#state.className = "notice";
    this.#state.setAttribute("role", "status");
    this.#state.hidden = true;
    const summary = document.createElement("summary");
    summary.append("Figures as a table");
    this.#figures.className = "chart-figures";
    this.#figures.replaceChildren(summary);
    this.#figures.addEventListener("toggle", () => this.#tabulate());
    const nav = this.querySelector(":scope > nav");
    if (nav) nav.after(this.#bar, this.#state);
    else this.prepend(this.#bar, this.#state);
    this.append(this.#spoken, this.#figures);
  }

  #span(): Span {
    const until = this.dataset.end ? Date.parse(this.dataset.end) / 1000 : null;
    return this.#zoomed.at(-1) ?? rangeSpan(this.#range, Date.now() / 1000, until);
  }

  async #load(anew = false): Promise<void> {
    clearTimeout(this.#timer);
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const span = this.#span();
    if (anew) {
      this.#answers.clear();
      this.#events = [];
      this.setAttribute("aria-busy", "true");
    }
    let wait = span.live ? Math.max(LIVE, Math.min(span.step, 300) * 1000) : 0;
    try {
      await this.#ask(span, signal);
      this.#say("");
      this.#draw(span);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof AskError)) throw error;
      this.#say(error.message + (error.again ? " It is tried again every 10 seconds." : ""));
      if (!this.#answers.size) this.#charts().forEach((chart) => chart.say("Not available now."));
      wait = error.again ? AGAIN : 0;
    }
    this.removeAttribute("aria-busy");
    if (wait && !document.hidden) this.#timer = window.setTimeout(() => void this.#load(), wait);
  }

  async #ask(span: Span, signal: AbortSignal): Promise<void> {
    const sources = new Set(this.#charts().map((chart) => this.#source(chart)).filter((each) => each));
    const happened = this.dataset.events;
    const since = this.#answers.size ? { ...span, start: span.end - 3 * span.step - 60 } : span;
    const asked = [...sources].map(async (source) => {
      const known = span.live ? this.#answers.get(source) ?? null : null;
      return [source, await this.#answer(source, span, known, signal)] as const;
    });
    const events = happened ? askEvents(happened, since, signal) : Promise.resolve([]);
    const [answers, fresh] = await Promise.all([Promise.all(asked), events]);
    this.#events = mergeEvents(this.#events, fresh, span.start);
    for (const [source, answer] of answers) if (answer) this.#answers.set(source, answer);
  }

  /** The history of one source; null where it is refused, which its own charts tell. */
  async #answer(source: string, span: Span, known: Answer | null, signal: AbortSignal): Promise<Answer | null> {
    try {
      const found = await askHistory(source, span, known, signal);
      this.#refused.delete(source);
      return found;
    } catch (error) {
      if (!(error instanceof AskError) || error.again || error.lost) throw error;
      this.#refused.set(source, error.message);
      return null;
    }
  }

  #source(chart: FleetChart): string {
    return chart.dataset.source ?? this.dataset.source ?? "";
  }

  #draw(span: Span): void {
    const happened = this.#marks();
    for (const chart of this.#charts()) {
      const answer = this.#answers.get(this.#source(chart));
      const refused = this.#refused.get(this.#source(chart));
      if (answer) chart.draw(answer, happened, span, this);
      if (refused) chart.say(refused);
      else if (!answer?.points.length) {
        chart.say(span.live ? this.dataset.empty ?? EMPTY : "No samples in this span.");
      }
    }
    const zoomed = this.#zoomed.length > 0;
    this.#bar.hidden = !zoomed;
    const ends = [span.start, span.end].map((each) => moment(new Date(each * 1000)));
    (this.#bar.firstChild as HTMLElement).textContent = ends.join(" to ");
    this.#tabulate();
  }

  #marks(): Mark[] {
    const answers = [...this.#answers.values()];
    const found = [
      ...marks(this.#events), ...answers.flatMap(statusMarks), ...answers.flatMap(incarnationMarks),
    ];
    return found.sort((a, b) => a.time - b.time);
  }

  #tabulate(): void {
    this.#figures.querySelector(".scroll")?.remove();
    if (!this.#figures.open) return;
    const sources = new Map<string, Titled[]>();
    for (const chart of this.#charts()) {
      if (!chart.figure) continue;
      const source = this.#source(chart);
      sources.set(source, [...(sources.get(source) ?? []), { title: chart.heading, figure: chart.figure }]);
    }
    const frame = document.createElement("div");
    frame.className = "scroll";
    frame.tabIndex = 0;
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", "Figures of the charts");
    frame.append(...[...sources.values()].map(table));
    this.#figures.append(frame);
  }

  #say(words: string): void {
    this.#state.hidden = words === "";
    this.#state.dataset.tone = "warn";
    if (this.#state.textContent !== words) this.#state.textContent = words;
  }

  /** Links of ranges lead where they say, without the page being loaded. */
  #choose(event: MouseEvent): void {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-range]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (!event.defaultPrevented) history.pushState(null, "", link.href);
    event.preventDefault();
    this.#follow(link.dataset.range);
  }

  #follow(range: string | null | undefined): void {
    this.#range = isRange(range) ? range : isRange(this.dataset.range) ? this.dataset.range : "1h";
    this.#zoomed = [];
    for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-range]")) {
      if (link.dataset.range === this.#range) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    void this.#load(true);
  }

  #press(event: KeyboardEvent): void {
    const chart = event.target;
    if (!(chart instanceof FleetChart) || event.ctrlKey || event.metaKey || event.altKey) return;
    const big = event.shiftKey ? 10 : 1;
    const steps: Record<string, number> = {
      ArrowLeft: -big, ArrowRight: big, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6,
    };
    const by = steps[event.key];
    if (by !== undefined) this.#spoken.textContent = chart.step(by);
    else if (event.key === "+") this.#closer(chart);
    else if (event.key === "-" || event.key === "Escape") this.back();
    else return;
    event.preventDefault();
  }

  #closer(chart: FleetChart): void {
    const { start, end } = this.#span();
    const middle = chart.cursor ?? (start + end) / 2;
    const half = (end - start) / 4;
    const within = Math.min(Math.max(middle, start + half), end - half);
    this.zoom(within - half, within + half);
  }
}
