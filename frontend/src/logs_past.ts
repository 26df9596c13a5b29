// Stored lines, page by page: those before or after one that is there.
import { whyNot } from "./logs_feed";
import { type Answer, type Line, microsOf, readAnswer } from "./logs_line";

export const PAGE = 1_000;

/** Why nothing was read, in a sentence. */
export class NotRead extends Error {}

/** The same, of what will never be read as it was asked for. */
export class Refused extends NotRead {}

export class Past {
  readonly #query: URLSearchParams;
  readonly #start: string;
  readonly #end: string | null; // none: now

  constructor(query: URLSearchParams, start: string, end: string | null) {
    this.#query = query;
    this.#start = start;
    this.#end = end;
  }

  /** The newest. */
  newest(signal: AbortSignal): Promise<Answer> {
    return this.#read(this.#start, this.#end, "backward", signal);
  }

  /** Those before a line; it and others of its microsecond may come again. */
  older(line: Line, signal: AbortSignal): Promise<Answer> {
    return this.#read(this.#start, microsOf(line, 1), "backward", signal);
  }

  /** Those after a line, from so many seconds before it: what was written late comes as well. */
  newer(line: Line, signal: AbortSignal, before = 0): Promise<Answer> {
    const start = microsOf(line, -before * 1_000_000);
    return this.#read(start < this.#start ? this.#start : start, this.#end, "forward", signal);
  }

  async #read(start: string, end: string | null, direction: string, signal: AbortSignal): Promise<Answer> {
    const query = new URLSearchParams(this.#query);
    query.set("start", start);
    if (end !== null) query.set("end", end);
    query.set("direction", direction);
    query.set("limit", String(PAGE));
    let answer: Response;
    try {
      answer = await fetch(`/api/logs?${query}`, { headers: { Accept: "application/json" }, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new NotRead("fleet does not answer.");
    }
    if (answer.status >= 500 || answer.status === 429) throw new NotRead(await whyNot(answer));
    if (!answer.ok) throw new Refused(await whyNot(answer));
    return readAnswer(await answer.text());
  }
}
