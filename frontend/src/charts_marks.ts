// What happened, as marks on the charts.
import type { Answer, EngineEvent } from "./charts_documents";

export type Tone = "good" | "warn" | "bad" | "idle";

/** Something that happened; `sign` is a shape of its own for each tone. */
export interface Mark {
  time: number;
  words: string;
  tone: Tone;
  sign: string;
  ends: boolean; // after it there are no samples until it runs again
}

const SIGNS: Record<Tone, string> = { good: "●", warn: "▲", bad: "✖", idle: "○" };
const PLAIN: Record<string, readonly [string, Tone]> = {
  create: ["created", "idle"],
  start: ["started", "good"],
  restart: ["restarted", "warn"],
  oom: ["ran out of memory", "bad"],
  pause: ["paused", "warn"],
  unpause: ["resumed", "good"],
  destroy: ["removed", "idle"],
  "health_status: healthy": ["became healthy", "good"],
  "health_status: unhealthy": ["became unhealthy", "bad"],
};
const EXITS: Record<number, string> = {
  126: "cannot be run", 127: "not found", 130: "interrupted", 134: "aborted",
  137: "killed", 139: "segmentation fault", 143: "terminated",
};

const made = (time: string, words: string, tone: Tone, ends = false): Mark => ({
  time: Date.parse(time) / 1000, words, tone, sign: SIGNS[tone], ends,
});

function ended(event: EngineEvent): Mark {
  const code = event.exit_code;
  if (code === null || code === undefined) return made(event.time, "ended", "warn", true);
  const why = EXITS[code] ? ` (${EXITS[code]})` : "";
  return made(event.time, `ended with exit code ${code}${why}`, code === 0 ? "idle" : "bad", true);
}

/** The events that explain what a chart shows; the others are left to the list of events. */
export function marks(events: readonly EngineEvent[]): Mark[] {
  const found: Mark[] = [];
  for (const event of events) {
    const known = PLAIN[event.action];
    if (event.action === "die") found.push(ended(event));
    else if (known) found.push(made(event.time, known[0], known[1]));
  }
  return found.sort((a, b) => a.time - b.time);
}

/** Where the health of a host changed, of an answer that has it. */
export function statusMarks(answer: Answer): Mark[] {
  const found: Mark[] = [];
  let before: string | undefined;
  for (const { time, status, error } of answer.points) {
    if (status !== undefined && before !== undefined && status !== before) {
      const why = error ? `: ${error}` : "";
      found.push(made(time, `${status}${why}`, status === "up" ? "good" : status === "down" ? "bad" : "idle"));
    }
    before = status;
  }
  return found;
}

/** Where one container took the place of another. */
export function incarnationMarks(answer: Answer): Mark[] {
  const found: Mark[] = [];
  let before: string | undefined;
  for (const { time, container_id: id } of answer.points) {
    if (id && before && id !== before) {
      found.push(made(time, `container ${id.slice(0, 12)} took the place of ${before.slice(0, 12)}`, "idle"));
    }
    before = id ?? before;
  }
  return found;
}

/** Events that two answers have both are one. */
export function mergeEvents(known: readonly EngineEvent[], fresh: readonly EngineEvent[], since = 0): EngineEvent[] {
  const all = new Map<string, EngineEvent>();
  for (const event of [...known, ...fresh]) {
    all.set(`${event.time_nano} ${event.action} ${event.actor_id}`, event);
  }
  return [...all.values()].filter((event) => Date.parse(event.time) / 1000 >= since);
}

/** The words of what happened around a time; of many the last few. */
export function wordsNear(all: readonly Mark[], time: number, within: number): string[] {
  const near = all.filter((mark) => Math.abs(mark.time - time) <= within);
  const told = near.slice(-4).map((mark) => `${mark.sign} ${mark.words}`);
  return near.length > 4 ? [`${near.length - 4} more before`, ...told] : told;
}

/** Marks that would be drawn over each other, as one: the gravest stands for them. */
export function thinned(all: readonly Mark[], apart: number): Mark[] {
  const grave: Tone[] = ["idle", "good", "warn", "bad"];
  const kept: Mark[] = [];
  for (const mark of all) {
    const last = kept.at(-1);
    if (!last || mark.time - last.time >= apart) kept.push(mark);
    else if (grave.indexOf(mark.tone) > grave.indexOf(last.tone)) kept[kept.length - 1] = { ...mark, time: last.time };
  }
  return kept;
}
