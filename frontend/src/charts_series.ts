// From answers of the API to what is drawn: pure, and the place where gaps are found.
import type { Answer, Point } from "./charts_documents";
import type { Unit } from "./charts_words";

export type Kind =
  | "cpu" | "memory" | "network" | "block" | "pids" | "load" | "disk" | "swap" | "response";

/** `high` and `low` bound a band around the `line` before them; a `limit` is what there is of it. */
export type Role = "line" | "high" | "low" | "limit";

export interface Line {
  label: string;
  role: Role;
  colour: 1 | 2 | 3 | 4;
  dashed: boolean;
  values: (number | null)[];
}

/** One chart. `incarnations` has the container of each time where there were several. */
export interface Figure {
  unit: Unit;
  times: number[];
  lines: Line[];
  incarnations: (string | null)[];
}

/** A point at its time, or a gap: `point` is null. `seconds`: what the moved bytes were moved in. */
interface Slot {
  time: number;
  point: Point | null;
  seconds: number;
}

type Read = (point: Point, seconds: number) => number | null | undefined;
type Sketch = readonly [label: string, role: Role, colour: Line["colour"], dashed: boolean, read: Read];

const rate = (name: "network_rx" | "network_tx" | "block_read" | "block_write"): Read =>
  (point, seconds) => {
    const moved = point[name];
    return moved === null || moved === undefined || seconds <= 0 ? null : moved / seconds;
  };

const KINDS: Record<Kind, readonly [Unit, readonly Sketch[]]> = {
  cpu: ["percent", [
    ["most", "high", 1, false, (point) => point.cpu_percent_max],
    ["least", "low", 1, false, (point) => point.cpu_percent_min],
    ["of one core", "line", 1, false, (point) => point.cpu_percent],
  ]],
  memory: ["bytes", [
    ["most", "high", 3, false, (point) => point.memory_used_max],
    ["least", "low", 3, false, (point) => point.memory_used_min],
    ["used", "line", 3, false, (point) => point.memory_used],
    ["limit", "limit", 2, true, (point) => point.memory_limit ?? point.memory_total],
  ]],
  network: ["rate", [
    ["received", "line", 1, false, rate("network_rx")],
    ["sent", "line", 2, true, rate("network_tx")],
  ]],
  block: ["rate", [
    ["read", "line", 3, false, rate("block_read")],
    ["written", "line", 4, true, rate("block_write")],
  ]],
  pids: ["count", [["at most", "line", 4, false, (point) => point.pids]]],
  load: ["load", [
    ["most", "high", 4, false, (point) => point.load_1_max],
    ["least", "low", 4, false, (point) => point.load_1],
    ["over one minute", "line", 4, false, (point) => point.load_1],
    ["cores", "limit", 2, true, (point) => point.cpus],
  ]],
  disk: ["bytes", [
    ["used", "line", 2, false, (point) => point.disk_used_max],
    ["size", "limit", 4, true, (point) => point.disk_total],
  ]],
  swap: ["bytes", [["used", "line", 4, false, (point) => point.swap_used_max]]],
  response: ["ms", [["response", "line", 1, false, (point) => point.response_ms]]],
};

export function isKind(name: string | undefined): name is Kind {
  return name !== undefined && Object.hasOwn(KINDS, name);
}

const at = (point: Point): number => Date.parse(point.time) / 1000;

/** The answer's points and gaps in the order of time; `ends` are when it ceased to run, in order. */
export function arrange(answer: Answer, ends: readonly number[] = []): Slot[] {
  const points = answer.points;
  const usual = interval(answer);
  // Samples come a little early or late; minutes, hours and days do not.
  const longest = (answer.resolution === "raw" || !answer.step_seconds ? 2.5 : 1.5) *
    Math.max(answer.step_seconds ?? 0, usual);
  const sampling = perSample(points, longest);
  const slots: Slot[] = [];
  for (const point of points) {
    const before = slots.at(-1);
    let time = at(point);
    let seconds = (point.samples ?? 1) * (sampling || answer.step_seconds || 0);
    if (before?.point) {
      const other = before.point.container_id !== point.container_id;
      // Where one container replaces another both have a point in that step.
      if (time <= before.time) time = before.time + usual / 2;
      const apart = time - before.time;
      const began = before.time;
      const ended = apart > 1.5 * (answer.step_seconds ?? 0) &&
        ends.some((each) => each > began && each < time);
      if (other || ended || apart > longest) {
        if (!other && !ended) seconds = Math.max(seconds, apart);
        slots.push({ time: (before.time + time) / 2, point: null, seconds: 0 });
      }
    }
    slots.push({ time, point, seconds });
  }
  return slots;
}

/** How far apart points usually are. */
function interval(answer: Answer): number {
  const times = answer.points.map(at);
  const apart = times.slice(1).map((time, index) => time - (times[index] as number));
  const sorted = apart.filter((each) => each > 0).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? answer.step_seconds ?? 60;
}

/** Seconds between two samples; 0 where there are too few to tell. */
function perSample(points: readonly Point[], longest: number): number {
  let seconds = 0;
  let samples = 0;
  for (let index = 0; index + 1 < points.length; index += 1) {
    const [point, next] = [points[index] as Point, points[index + 1] as Point];
    const apart = at(next) - at(point);
    if (point.container_id !== next.container_id || apart > longest) continue;
    seconds += apart;
    samples += point.samples ?? 1;
  }
  return samples ? seconds / samples : 0;
}

/** What a chart of this kind draws of an answer. Lines of which nothing is known are left out. */
export function figure(kind: Kind, answer: Answer, ends: readonly number[] = []): Figure {
  const slots = arrange(answer, ends);
  const [unit, sketches] = KINDS[kind];
  const ids = slots.map((slot) => slot.point?.container_id ?? null);
  const several = new Set(ids.filter((id) => id)).size > 1;
  const lines = sketches.map(([label, role, colour, dashed, read]) => ({
    label, role, colour, dashed,
    values: slots.map(({ point, seconds }) => (point && read(point, seconds)) ?? null),
  }));
  return {
    unit,
    times: slots.map((slot) => slot.time),
    lines: lines.filter((line) => line.values.some((value) => value !== null)),
    incarnations: several ? ids : [],
  };
}

/** An answer with what came since: `fresh` was asked for from `from` on, and knows better. */
export function extend(known: Answer, fresh: Answer, from: number, start: number): Answer {
  const kept = known.points.filter((point) => at(point) < from && at(point) >= start);
  return { ...known, points: [...kept, ...fresh.points.filter((point) => at(point) >= from)] };
}

/** Whether what there is of it is worth being drawn: else all the rest would be a flat line. */
export function showsLimit(used: number, limit: number): boolean {
  return limit <= 4 * used;
}
