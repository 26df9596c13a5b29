// Which span of time charts show, and in what steps it is asked for.

/** Seconds; `step` is the width of one point. A span that is `live` ends now, and goes on. */
export interface Span {
  start: number;
  end: number;
  step: number;
  live: boolean;
}

const RANGES: Record<string, readonly [seconds: number, step: number]> = {
  "15m": [900, 10],
  "1h": [3_600, 20],
  "6h": [21_600, 60],
  "24h": [86_400, 300],
  "7d": [604_800, 3_600],
  "30d": [2_592_000, 7_200],
  "90d": [7_776_000, 21_600],
};
const STEPS = [10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];
const FEWEST = 300; // points of a zoomed span, about
const SHORTEST = 60; // seconds that a zoomed span has at least

export function isRange(name: string | null | undefined): name is string {
  return name !== null && name !== undefined && Object.hasOwn(RANGES, name);
}

/** A range up to now, or up to `until` for what is there no more. */
export function rangeSpan(name: string, now: number, until: number | null = null): Span {
  const [seconds, step] = RANGES[isRange(name) ? name : "1h"] as readonly [number, number];
  const end = until ?? now;
  return { start: end - seconds, end, step, live: until === null };
}

/** A part of a span, in steps as fine as there is something to see. */
export function zoomSpan(from: number, to: number): Span {
  const middle = (from + to) / 2;
  const half = Math.max(to - from, SHORTEST) / 2;
  const step = STEPS.find((each) => (2 * half) / each <= FEWEST) ?? 86_400;
  return { start: middle - half, end: middle + half, step, live: false };
}

/** The query for whole steps over `[from, to]`, so that answers to two of them fit together. */
export function stepQuery(from: number, to: number, step: number): Record<string, string> {
  const start = Math.floor(from / step) * step;
  const end = (Math.floor(to / step) + 1) * step;
  return { start: String(start), end: String(end), points: String(Math.round((end - start) / step)) };
}
