// Closes the streams of a page that nobody looks at: a browser keeps six connections to one server
// for all its tabs, so the seventh would not load, and each look of a live page costs the server.

const AWAY = 5_000; // milliseconds; who goes from tab to tab keeps them
const CLOSED = 2; // as EventSource has it

/** The streams of a page, which are closed while it is hidden. */
export class Streams {
  #open = new Set<EventSource>();
  #away: EventSource[] = [];
  #timer?: ReturnType<typeof setTimeout>;

  /** Take one in. */
  add(source: EventSource): EventSource {
    for (const each of this.#open) if (each.readyState === CLOSED) this.#open.delete(each);
    this.#open.add(source);
    return source;
  }

  /** The page is hidden, or is seen again. */
  seen(hidden: boolean): void {
    clearTimeout(this.#timer);
    if (hidden) this.#timer = setTimeout(() => this.#leave(), AWAY);
    else this.#comeBack();
  }

  #leave(): void {
    for (const source of this.#open) {
      if (source.readyState === CLOSED) continue;
      source.close();
      this.#away.push(source);
    }
    this.#open.clear();
  }

  /** As if they had broken off just now: htmx opens them anew, where their elements are still there. */
  #comeBack(): void {
    for (const source of this.#away.splice(0)) source.dispatchEvent(new Event("error"));
  }
}

/** Have htmx's streams closed while the page is hidden. */
export function closeWhileAway(htmx: object): void {
  const streams = new Streams();
  const createEventSource = (url: string): EventSource =>
    streams.add(new EventSource(url, { withCredentials: true }));
  Object.assign(htmx, { createEventSource });
  document.addEventListener("visibilitychange", () => streams.seen(document.hidden));
  if (document.hidden) streams.seen(true);
}
