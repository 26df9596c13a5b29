// Asks the API for what charts show. What goes wrong is an `AskError` whose message is for people.
import type { Answer, EngineEvent } from "./charts_documents";
import { extend } from "./charts_series";
import { stepQuery, type Span } from "./charts_span";

const PATIENCE = 30_000; // milliseconds
const EVENTS = "500";
const MOST = 30 * 86_400; // seconds

/** `again`: it may be answered later. `lost`: nothing is, until who looks logs in. */
export class AskError extends Error {
  constructor(message: string, readonly again: boolean, readonly lost = false) {
    super(message);
  }
}

async function ask<Found>(path: string, query: Record<string, string>, signal: AbortSignal): Promise<Found> {
  const url = new URL(path, location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  let answer: Response;
  try {
    answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]) });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new AskError("fleet does not answer.", true);
  }
  if (answer.ok) return (await answer.json()) as Found;
  if (answer.status === 401) throw new AskError("You are no longer logged in. Load the page again.", false, true);
  const problem = (await answer.json().catch(() => ({}))) as { detail?: string };
  throw new AskError(problem.detail ?? `fleet answered with ${answer.status}.`, answer.status >= 429);
}

/** Where single rows are read spans are bounded: of longer ones the newest part. */
const ends = (span: Span): Record<string, string> => {
  const end = Math.ceil(span.end);
  return { start: String(Math.max(Math.floor(span.start), end - MOST)), end: String(end) };
};

/** The history of a span; with `known`, only what came since. */
export async function askHistory(
  source: string, span: Span, known: Answer | null, signal: AbortSignal,
): Promise<Answer> {
  if (source.endsWith("/health/history")) {
    const points = String(Math.min(Math.ceil((span.end - span.start) / span.step), 400));
    return ask(source, { ...ends(span), points }, signal);
  }
  if (known?.points.length && known.step_seconds === span.step && known.resolution) {
    const from = Math.floor(span.end / span.step - 3) * span.step;
    const query = { ...stepQuery(from, span.end, span.step), resolution: known.resolution };
    const fresh = await ask<Answer>(source, query, signal);
    if (fresh.step_seconds === span.step) return extend(known, fresh, from, span.start - span.step);
  }
  return ask(source, stepQuery(span.start, span.end, span.step), signal);
}

/** What happened within a span; nothing where that is refused, as figures tell without it. */
export async function askEvents(source: string, span: Span, signal: AbortSignal): Promise<EngineEvent[]> {
  const query = { ...ends(span), limit: EVENTS };
  try {
    return (await ask<{ events: EngineEvent[] }>(source, query, signal)).events;
  } catch (error) {
    if (error instanceof AskError && !error.again) return [];
    throw error;
  }
}
