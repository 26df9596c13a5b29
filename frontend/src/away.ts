// Closes the streams of a page that nobody looks at: a browser keeps six connections to one server
// for all its tabs, so the seventh would not load, and each look of a live page costs the server.

const AWAY = 5_000; // milliseconds; who goes from tab to tab keeps them
const SILENCE = 45_000; // three heartbeats: whoever says nothing for so long is gone
const LOOK = 5_000;
const SIGNS = ["open", "regions", "beat"]; // of life
const OPEN = 1; // as EventSource has it
const CLOSED = 2;

/** The streams of a page, which are closed while it is hidden. */
export class Streams {
  #open = new Map<EventSource, number>(); // when each was last heard of
  #away: EventSource[] = [];
  #timer?: ReturnType<typeof setTimeout>;

  /** Take one in. */
  add(source: EventSource): EventSource {
    for (const each of this.#open.keys()) if (each.readyState === CLOSED) this.#open.delete(each);
    const heard = (): void => {
      if (source.readyState !== CLOSED) this.#open.set(source, Date.now());
    };
    heard();
    for (const sign of SIGNS) source.addEventListener(sign, heard);
    return source;
  }

  /** An open connection proves nothing: after a sleep its other end may be gone without a word. */
  look(): void {
    for (const [source, heard] of this.#open) {
      if (source.readyState !== OPEN || Date.now() - heard < SILENCE) continue;
      this.#open.delete(source);
      source.close();
      source.dispatchEvent(new Event("error"));
    }
  }

  /** The page is hidden, or is seen again. */
  seen(hidden: boolean): void {
    clearTimeout(this.#timer);
    if (hidden) this.#timer = setTimeout(() => this.#leave(), AWAY);
    else this.#comeBack();
  }

  #leave(): void {
    for (const source of this.#open.keys()) {
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
  setInterval(() => {
    if (!document.hidden) streams.look();
  }, LOOK);
}
