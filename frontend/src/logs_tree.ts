// JSON unfolded: indented, coloured by kind, each part a <details> that keyboards open and close.
import { made } from "./logs_dom";
import { brief, Exact, isNested, type Json } from "./logs_json";

const OPEN_DEPTH = 2;
const MOST_PARTS = 200; // of one array or object, at once

/** The tree of a value. */
export function tree(value: Json, depth = 0): HTMLElement {
  if (!isNested(value)) return leaf(value);
  const parts: Array<readonly [string, Json]> = Array.isArray(value)
    ? value.map((part, index) => [String(index), part] as const)
    : Object.entries(value);
  const list = made("ul", "log-tree");
  append(list, parts, 0, depth);
  return list;
}

function append(list: HTMLElement, parts: Array<readonly [string, Json]>, begin: number, depth: number): void {
  for (const [key, part] of parts.slice(begin, begin + MOST_PARTS)) list.append(branch(key, part, depth));
  const next = begin + MOST_PARTS;
  if (next >= parts.length) return;
  const more = made("button", "quiet small", { type: "button" }, `${parts.length - next} more`);
  more.addEventListener("click", () => {
    item.remove();
    append(list, parts, next, depth);
  });
  const item = made("li", "", {}, more);
  list.append(item);
}

function branch(key: string, part: Json, depth: number): HTMLElement {
  const name = made("span", "log-key", {}, key);
  if (!isNested(part)) return made("li", "", {}, name, ": ", leaf(part));
  const size = made("span", "muted", {}, brief(part));
  const details = made("details", "", { open: depth + 1 < OPEN_DEPTH }, made("summary", "", {}, name, " ", size));
  const unfold = (): void => {
    if (details.open && details.childElementCount === 1) details.append(tree(part, depth + 1));
  };
  unfold();
  details.addEventListener("toggle", unfold);
  return made("li", "", {}, details);
}

function leaf(value: Json): HTMLElement {
  if (isNested(value)) return made("span", "muted", {}, brief(value));
  if (value instanceof Exact) return made("span", "log-number", {}, value.source);
  if (typeof value === "string") return made("span", "log-string", {}, value);
  const kind = value === null ? "log-null" : `log-${typeof value}`;
  return made("span", kind, {}, String(value));
}
