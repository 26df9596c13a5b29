// How figures are written at the axes, in legends and in tables.

export type Unit = "percent" | "bytes" | "rate" | "ms" | "count" | "load";

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function size(value: number, short: boolean): string {
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const whole = unit === 0 || value >= 100 || (short && Number.isInteger(value));
  return `${value.toFixed(whole ? 0 : 1)} ${SIZES[unit]}`;
}

function plain(value: number, digits: number): string {
  return value.toFixed(value !== 0 && Math.abs(value) < 10 ? digits : Math.min(digits, 1));
}

/** A value with its unit; `-` where it is not known. */
export function written(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return "-";
  switch (unit) {
    case "bytes":
      return size(value, false);
    case "rate":
      return `${size(value, false)}/s`;
    case "percent":
      return `${plain(value, 1)}%`;
    case "ms":
      return `${plain(value, 1)} ms`;
    case "load":
      return value.toFixed(2);
    case "count":
      return value.toFixed(0);
  }
}

/** The same at an axis, without digits that say nothing. */
export function ticked(value: number, unit: Unit): string {
  switch (unit) {
    case "bytes":
      return size(value, true);
    case "rate":
      return `${size(value, true)}/s`;
    case "percent":
      return `${Number(value.toFixed(2))}%`;
    case "ms":
      return `${Number(value.toFixed(2))} ms`;
    default:
      return String(Number(value.toFixed(2)));
  }
}

const BINARY = Array.from({ length: 51 }, (_, power) => 2 ** power);
const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000];

/** Where an axis may have its lines; null for what suits decimal numbers. */
export function increments(unit: Unit): number[] | null {
  if (unit === "bytes" || unit === "rate") return BINARY;
  return unit === "count" ? WHOLE : null;
}
