// A line of a log as the viewer keeps it, and where it stands among all others. No DOM is touched.

export interface Line {
  readonly isGap: boolean; // says that lines are missing here; it is no line of any container
  readonly nano: string; // nanoseconds since 1970: more digits than a number of JavaScript keeps
  readonly host: string;
  readonly id: string;
  readonly name: string;
  readonly stream: string;
  readonly sequence: number;
  readonly level: string;
  readonly text: string;
  readonly truncated: boolean;
  height: number;
  open: boolean;
  hit: boolean;
}

interface Document {
  time_nano: string;
  host: string;
  container_id: string;
  name: string;
  stream: string;
  sequence: number;
  level: string | null;
  line: string;
  truncated?: boolean;
}

export interface Answer {
  lines: Line[];
  older: string | null;
  newer: string | null;
}

// Within a string of JSON a quotation mark is escaped, so that this is found in no line's text.
const NANO = /"time_nano":(\d+)/g;
const NO_HEIGHT = { height: 0, open: false, hit: false };
const known = new Map<string, string>();

/** The same text, kept once: thousands of lines name the same container. */
function once(text: string): string {
  const kept = known.get(text);
  if (kept !== undefined) return kept;
  if (known.size > 10_000) known.clear();
  known.set(text, text);
  return text;
}

function lineOf(document: Document): Line {
  return {
    isGap: false,
    nano: document.time_nano,
    host: once(document.host),
    id: once(document.container_id),
    name: once(document.name),
    stream: once(document.stream),
    sequence: document.sequence,
    level: once(document.level ?? ""),
    text: document.line,
    truncated: document.truncated ?? false,
    ...NO_HEIGHT,
  };
}

function exactly(json: string): unknown {
  return JSON.parse(json.replace(NANO, '"time_nano":"$1"'));
}

/** A line that came as JSON. */
export function readLine(json: string): Line {
  return lineOf(exactly(json) as Document);
}

/** A page of lines that came as JSON. */
export function readAnswer(json: string): Answer {
  const answer = exactly(json) as { lines: Document[]; older?: string | null; newer?: string | null };
  return {
    lines: answer.lines.map(lineOf),
    older: answer.older ?? null,
    newer: answer.newer ?? null,
  };
}

/** A line that the server drew. */
export function drawnLine(row: HTMLElement): Line {
  const { nano, host, id, name, stream, sequence, level, raw, truncated } = row.dataset;
  return {
    isGap: false,
    nano: nano ?? "0",
    host: once(host ?? ""),
    id: once(id ?? ""),
    name: once(name ?? ""),
    stream: once(stream ?? ""),
    sequence: Number(sequence ?? 0),
    level: once(level ?? ""),
    text: raw ?? row.querySelector(".log-text")?.textContent ?? "",
    truncated: truncated !== undefined,
    ...NO_HEIGHT,
  };
}

/** A notice that lines are missing, just after a line, or as of now. */
export function gapAfter(line: Line | undefined, text: string, number: number): Line {
  return {
    isGap: true,
    nano: line?.nano ?? `${Date.now()}000000`,
    host: "\uffff",
    id: "",
    name: "",
    stream: "fleet",
    sequence: number,
    level: "",
    text,
    truncated: false,
    ...NO_HEIGHT,
  };
}

/** Less than 0 where `a` is before `b`, 0 where they are the same line. As the API orders lines. */
export function compare(a: Line, b: Line): number {
  if (a.nano !== b.nano) {
    if (a.nano.length !== b.nano.length) return a.nano.length - b.nano.length;
    return a.nano < b.nano ? -1 : 1;
  }
  if (a.host !== b.host) return a.host < b.host ? -1 : 1;
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  if (a.stream !== b.stream) return a.stream < b.stream ? -1 : 1;
  return a.sequence - b.sequence;
}

/** What names a line in an address: see `web/pages/logs_asked.py`. */
export function markOf(line: Line): string {
  return `${line.nano}-${line.sequence}-${line.id.slice(0, 12)}`;
}

/** Milliseconds since 1970. */
export function millisOf(line: Line): number {
  return Number(line.nano.slice(0, -6));
}

/** A moment of the API's, so many whole microseconds after the line's own. */
export function microsOf(line: Line, plus = 0): string {
  const micros = BigInt(line.nano) / 1000n + BigInt(plus);
  const seconds = new Date(Number(micros / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000n).padStart(6, "0")}Z`;
}

/** In UTC, to the nanosecond. */
export function utcOf(line: Line): string {
  const seconds = new Date(millisOf(line)).toISOString().slice(0, 19).replace("T", " ");
  return `${seconds}.${line.nano.slice(-9)} UTC`;
}

/** A whole number from 0 that is always the same for a text, and spread well. */
export function numberOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
