// What is searched for, and where it stands in a text.
import type { Piece } from "./logs_ansi";

/** Where a text has it: beginnings and ends, in order, none within another. */
export type Finder = (text: string) => Array<[number, number]>;

const MOST = 200; // in one line

/** Finds a text in any case. */
export function findText(wanted: string): Finder | null {
  return wanted === "" ? null : findRegex(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
}

/** Finds what matches; null where JavaScript does not take what PostgreSQL may. */
export function findRegex(wanted: string, flags = "g"): Finder | null {
  let regex: RegExp;
  try {
    regex = new RegExp(wanted, flags);
  } catch {
    return null;
  }
  return (text) => {
    const found: Array<[number, number]> = [];
    for (const match of text.matchAll(regex)) {
      if (match[0] !== "") found.push([match.index, match.index + match[0].length]);
      if (found.length >= MOST) break;
    }
    return found;
  };
}

/** The pieces, split where what was found begins and ends; `mark` of those that were found. */
export function marked(
  pieces: readonly Piece[],
  finders: readonly Finder[],
): Array<Piece & { mark: boolean }> {
  const text = pieces.map((piece) => piece.text).join("");
  const spans = merged(finders.flatMap((finder) => finder(text)));
  const found: Array<Piece & { mark: boolean }> = [];
  let passed = 0;
  let next = 0;
  for (const piece of pieces) {
    const end = passed + piece.text.length;
    let at = passed;
    while (at < end) {
      while ((spans[next]?.[1] ?? Infinity) <= at) next += 1;
      const [begin, stop] = spans[next] ?? [Infinity, Infinity];
      const mark = at >= begin;
      const until = Math.min(end, mark ? stop : begin);
      found.push({ ...piece, text: text.slice(at, until), mark });
      at = until;
    }
    passed = end;
  }
  return found;
}

function merged(spans: Array<[number, number]>): Array<[number, number]> {
  const found: Array<[number, number]> = [];
  for (const [begin, end] of spans.sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last && begin <= last[1]) last[1] = Math.max(last[1], end);
    else found.push([begin, end]);
  }
  return found;
}
