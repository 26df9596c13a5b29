// Lines as they come, by a stream that goes on where it broke off.
import { type Line, readLine } from "./logs_line";
import { Events } from "./logs_sse";

/** What a feed tells. */
export interface Heard {
  lines(lines: Line[]): void;
  gap(reason: string, missed: number | null): void;
  state(state: "live" | "waiting" | "refused", words: string): void;
}

const SILENCE = 45_000; // three heartbeats: whoever says nothing for so long is gone
const SOONEST = 1_000;
const LATEST = 30_000;

/** Follow until the signal; `resume` is where to go on after, if that is known. */
export async function follow(
  query: URLSearchParams,
  resume: string,
  heard: Heard,
  signal: AbortSignal,
): Promise<void> {
  let place = resume;
  let wait = SOONEST;
  while (!signal.aborted) {
    const began = Date.now();
    try {
      const refused = await once(query, place, heard, signal, (id) => {
        place = id;
      });
      if (refused !== null) {
        heard.state("refused", refused);
        return;
      }
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException || error instanceof Busy)) throw error;
    }
    if (signal.aborted) return;
    wait = Date.now() - began > LATEST ? SOONEST : Math.min(LATEST, wait * 2);
    heard.state("waiting", "Connecting again");
    await pause(wait * (0.5 + Math.random() / 2), signal);
  }
}

class Busy extends Error {}

/** One connection; why it was refused for good, if it was. */
async function once(
  query: URLSearchParams,
  place: string,
  heard: Heard,
  signal: AbortSignal,
  reached: (id: string) => void,
): Promise<string | null> {
  const silent = new AbortController();
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (place) headers["Last-Event-ID"] = place;
  let watch = setTimeout(() => silent.abort(), SILENCE);
  try {
    const answer = await fetch(`/api/stream/logs?${query}`, { headers, signal: AbortSignal.any([signal, silent.signal]) });
    if (!answer.ok || answer.body === null) {
      if (answer.status >= 500 || answer.status === 429) throw new Busy();
      return await whyNot(answer);
    }
    heard.state("live", "Live");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const events = new Events();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return null;
      clearTimeout(watch);
      watch = setTimeout(() => silent.abort(), SILENCE);
      take(events, value, heard, reached);
    }
  } finally {
    clearTimeout(watch);
  }
}

function take(events: Events, piece: string, heard: Heard, reached: (id: string) => void): void {
  let lines: Line[] = [];
  for (const { type, data, id } of events.read(piece)) {
    if (id !== null) reached(id);
    if (type === "gap") {
      heard.lines(lines);
      lines = [];
      const gap = JSON.parse(data) as { missed?: number | null; reason: string };
      heard.gap(gap.reason, gap.missed ?? null);
    } else if (type === "message") lines.push(readLine(data));
  }
  if (lines.length > 0) heard.lines(lines);
}

/** What the API says about a request that it did not take. */
export async function whyNot(answer: Response): Promise<string> {
  if (answer.status === 401) return "You are logged out: load the page again to log in.";
  const text = await answer.text();
  try {
    const problem = JSON.parse(text) as { detail?: string };
    if (problem.detail) return problem.detail;
  } catch {
    // No problem document: a proxy in front may answer itself.
  }
  return `It was answered with ${answer.status}.`;
}

/** Wait, but not beyond the signal. */
export function pause(millis: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end); // it may live for as long as the page
      resolve();
    };
    const timer = setTimeout(end, millis);
    signal.addEventListener("abort", end);
  });
}
