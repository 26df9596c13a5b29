// Lines that are an object of JSON: what they say in one line, and what there is to unfold.

export type Json = null | boolean | number | string | Exact | Json[] | { [key: string]: Json };

/** A number with more digits than JavaScript keeps, as it was written. */
export class Exact {
  constructor(readonly source: string) {}
}

export interface Folded {
  message: string;
  fields: ReadonlyArray<readonly [string, string]>;
  whole: { [key: string]: Json };
}

const LONG_NUMBER = /\d{16}/;
const LONGEST = 200_000; // characters that are taken apart
const MOST_FIELDS = 8;
const MOST_OF_VALUE = 60;
const MESSAGES = ["message", "msg", "event", "@message", "text", "log", "body"];
// Shown in columns of their own.
const ELSEWHERE = new Set([
  "level", "lvl", "severity", "loglevel", "log.level", "levelname",
  "time", "ts", "timestamp", "@timestamp", "datetime",
]);

/** What a line of JSON says; null where it is none. */
export function fold(text: string): Folded | null {
  const inner = text.trim();
  if (!inner.startsWith("{") || !inner.endsWith("}") || inner.length > LONGEST) return null;
  let whole: Json;
  try {
    const reviver = LONG_NUMBER.test(inner) ? (exact as (key: string, value: unknown) => unknown) : undefined;
    whole = JSON.parse(inner, reviver) as Json;
  } catch {
    return null;
  }
  if (!isObject(whole)) return null;
  const key = MESSAGES.find((name) => typeof (whole as Record<string, Json>)[name] === "string");
  const rest = Object.entries(whole).filter(([name]) => name !== key && !ELSEWHERE.has(name.toLowerCase()));
  return {
    message: key === undefined ? "" : String(whole[key]),
    fields: rest.slice(0, MOST_FIELDS).map(([name, value]) => [name, brief(value)] as const),
    whole,
  };
}

/** Whether it has parts of its own. */
export function isNested(value: Json): value is Json[] | { [key: string]: Json } {
  return Array.isArray(value) || isObject(value);
}

function isObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Exact);
}

/** A value in a few characters. */
export function brief(value: Json): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${value.length}]`;
  if (isObject(value)) return Object.keys(value).length === 0 ? "{}" : `{${Object.keys(value).length}}`;
  const text = value instanceof Exact ? value.source : String(value);
  return text.length > MOST_OF_VALUE ? `${text.slice(0, MOST_OF_VALUE - 1)}…` : text;
}

/** Browsers tell how a number was written; where one does not, it is as JavaScript reads it. */
function exact(_key: string, value: Json, context?: { source?: string }): Json {
  if (typeof value !== "number" || context?.source === undefined) return value;
  return Number.isSafeInteger(value) || !/^-?\d+$/.test(context.source) ? value : new Exact(context.source);
}
