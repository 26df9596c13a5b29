// Which lines the list holds: stored ones, older and newer when they are scrolled to, and those that
// come. It holds a bounded number; what it lets go is stored, and read again when it is scrolled to.
import { follow, pause } from "./logs_feed";
import { gapAfter, type Line } from "./logs_line";
import type { List } from "./logs_list";
import { NotRead, Past, Refused } from "./logs_past";

export const MOST = 100_000; // lines in the list
const MOST_HELD = 20_000; // lines that wait while it is paused
const POLL = 2_000;
const LATE = 15; // seconds within which lines are stored
const TRY_AGAIN = 5_000;
const MOST_PAGES = 10; // read at once

export interface Asked {
  query: URLSearchParams;
  start: string;
  end: string | null; // none: now
  isLive: boolean;
  hasOlder: boolean;
  tail: number; // stored lines that the stream begins with where none are there
}

/** What the session tells. */
export interface Shown {
  state(state: "live" | "waiting" | "refused" | "past", words: string): void;
  took(lines: readonly Line[], fresh: number): void;
  begin(state: "loading" | "begin" | "more" | "failed", words: string): void;
  held(count: number, isCut: boolean): void;
}

export class Session {
  readonly #list: List;
  readonly #asked: Asked;
  readonly #shown: Shown;
  readonly #past: Past;
  readonly #ended = new AbortController();
  #held: Line[] = [];
  #lost = 0; // of those held
  #unseen = 0; // came while something else was read
  #behind = false; // the newest are not in the list
  #isPaused = false;
  #atEnd: boolean;
  #hasOlder: boolean;
  #busy = false;
  #notBefore = 0;
  #gaps = 0;

  constructor(list: List, asked: Asked, shown: Shown) {
    this.#list = list;
    this.#asked = asked;
    this.#shown = shown;
    this.#past = new Past(asked.query, asked.start, asked.end);
    this.#hasOlder = asked.hasOlder;
    this.#atEnd = asked.isLive;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Begin to follow, if that was asked for; `resume` is the place of the newest line there is. */
  start(resume: string): void {
    this.#tellBegin();
    if (!this.#asked.isLive) {
      this.#shown.state("past", "Not live");
      return;
    }
    this.#shown.state("waiting", "Connecting");
    if (this.#asked.query.has("regex")) {
      void this.#poll();
      return;
    }
    const query = new URLSearchParams(this.#asked.query);
    query.set("start", this.#asked.start);
    query.set("tail", String(this.#asked.tail));
    const heard = {
      lines: (lines: Line[]) => this.#take(lines),
      gap: (reason: string, missed: number | null) => this.#gap(reason, missed),
      state: (state: "live" | "waiting" | "refused", words: string) => this.#shown.state(state, words),
    };
    void follow(query, resume, heard, this.#ended.signal);
  }

  stop(): void {
    this.#ended.abort();
  }

  /** Show nothing new for now, or go on. */
  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) void this.release();
  }

  /** Show what came meanwhile, and stay with the newest. */
  async release(): Promise<void> {
    this.#unseen = 0;
    if (this.#behind || this.#lost > 0) await this.toNewest();
    else {
      this.#list.follow();
      this.#takeHeld();
    }
    this.#tellHeld();
  }

  /** Read the newest anew, and stay with them. */
  async toNewest(): Promise<void> {
    await this.#reading(async (signal) => {
      const answer = await this.#past.newest(signal);
      this.#list.lines.clear();
      this.#behind = false;
      this.#lost = 0;
      this.#hasOlder = answer.older !== null;
      this.#atEnd = true;
      this.#list.follow();
      this.#added(answer.lines);
      this.#takeHeld();
    });
  }

  /** Read those before the first. */
  async older(): Promise<void> {
    const { first } = this.#list.lines;
    if (!this.#hasOlder || first === undefined || this.#busy || Date.now() < this.#notBefore) return;
    this.#shown.begin("loading", "Loading older lines");
    await this.#reading(async (signal) => {
      const answer = await this.#past.older(first, signal);
      const added = this.#added(answer.lines);
      this.#hasOlder = answer.older !== null && added > 0;
      const excess = this.#list.lines.length - MOST;
      if (excess > 0 && !this.#list.follows) {
        this.#list.lines.dropLast(excess);
        this.#behind = true;
        this.#atEnd = false;
      }
    });
  }

  /** Read those after the last, where the newest are not there. */
  async newer(): Promise<void> {
    const { last } = this.#list.lines;
    if (this.#atEnd || last === undefined || this.#busy || Date.now() < this.#notBefore) return;
    await this.#reading(async (signal) => {
      const answer = await this.#past.newer(last, signal);
      const added = this.#added(answer.lines);
      const excess = this.#list.lines.length - MOST;
      if (excess > 0) this.#dropFirst(excess);
      if (answer.newer !== null && added > 0) return;
      this.#atEnd = true;
      if (!this.#behind || this.#lost > 0 || !this.#asked.isLive) return;
      this.#behind = false;
      if (!this.#isPaused) this.#takeHeld();
    });
  }

  /** One reading at a time; what cannot be read is said, and tried again later. */
  async #reading(read: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await read(this.#ended.signal);
      this.#tellBegin();
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      if (!(error instanceof NotRead)) throw error;
      this.#notBefore = Date.now() + TRY_AGAIN;
      this.#shown.begin("failed", `Stored lines could not be read: ${error.message} Scroll to try again.`);
    } finally {
      this.#busy = false;
    }
    this.#list.draw();
  }

  #tellBegin(): void {
    if (this.#hasOlder) this.#shown.begin("more", "Scroll up for older lines");
    else this.#shown.begin("begin", "");
  }

  #take(lines: Line[]): void {
    const isFull = this.#list.lines.length + lines.length > MOST && !this.#list.follows;
    if (this.#isPaused || this.#behind || isFull) this.#hold(lines);
    else {
      const added = this.#added(lines);
      const excess = this.#list.lines.length - MOST;
      if (excess > 0) this.#dropFirst(excess);
      if (!this.#list.follows) this.#unseen += added;
    }
    this.#tellHeld();
  }

  #added(lines: readonly Line[]): number {
    const added = this.#list.add(lines);
    this.#shown.took(lines, added);
    return added;
  }

  #dropFirst(count: number): void {
    this.#list.lines.dropFirst(count);
    if (!this.#hasOlder) {
      this.#hasOlder = true;
      this.#tellBegin();
    }
  }

  #hold(lines: readonly Line[]): void {
    this.#held.push(...lines);
    const excess = this.#held.length - MOST_HELD;
    if (excess > 0) {
      this.#held.splice(0, excess);
      this.#lost += excess;
    }
  }

  #takeHeld(): void {
    const held = this.#held;
    this.#held = [];
    if (held.length > 0) this.#take(held);
  }

  #tellHeld(): void {
    this.#shown.held(this.#unseen + this.#held.length + this.#lost, this.#lost > 0 || this.#behind);
  }

  /** The list is where the newest are. */
  seen(): void {
    this.#unseen = 0;
    if (!this.#isPaused && !this.#behind && this.#lost === 0) this.#takeHeld();
    this.#tellHeld();
  }

  #gap(reason: string, missed: number | null): void {
    const count = missed === null ? "Lines are" : `${missed.toLocaleString("en")} lines are`;
    this.#gaps += 1;
    this.#take([gapAfter(this.#list.lines.last, `${count} missing here: ${reason}.`, this.#gaps)]);
  }

  /** What PostgreSQL alone can match is asked for again and again. */
  async #poll(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      if (!this.#isPaused && !this.#behind && !document.hidden) await this.#pollOnce(signal);
      await pause(POLL, signal);
    }
  }

  async #pollOnce(signal: AbortSignal): Promise<void> {
    try {
      const { last } = this.#list.lines;
      let answer = await (last ? this.#past.newer(last, signal, LATE) : this.#past.newest(signal));
      this.#take(answer.lines);
      for (let page = 1; page < MOST_PAGES && answer.newer !== null; page += 1) {
        const reached = answer.lines.at(-1);
        if (reached === undefined) break;
        answer = await this.#past.newer(reached, signal);
        this.#take(answer.lines);
      }
      this.#shown.state("live", "Live");
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NotRead)) throw error;
      this.#shown.state(error instanceof Refused ? "refused" : "waiting", error.message);
      if (error instanceof Refused) this.stop();
    }
  }
}
