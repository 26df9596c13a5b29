// One line as an element: its time, where it is from, its level, what it says; unfolded, all of it.
import { type Piece, pieces, plainText } from "./logs_ansi";
import { button, made } from "./logs_dom";
import { type Finder, marked } from "./logs_find";
import { fold } from "./logs_json";
import { type Line, markOf, millisOf, numberOf, utcOf } from "./logs_line";
import { tree } from "./logs_tree";

/** How lines are shown, and what may be done with one. */
export interface Look {
  several: boolean; // of several containers, so each says whose it is
  finders: Finder[];
  address(line: Line): string; // of the page with this line
  toggle(line: Line): void;
}

const MARKS = ["●", "■", "▲", "◆", "★", "✚", "▼", "⬟"];
const HUES = 8;
const LONGEST = 5_000; // characters of a line that is not unfolded
const LONGEST_OPEN = 500_000;
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The row of a line. */
export function rowOf(line: Line, look: Look): HTMLElement {
  const row = made("div", "log-row", {
    role: "row",
    id: `l${markOf(line)}`,
    "data-level": line.level || false,
    "data-stream": line.stream,
  });
  if (line.isGap) {
    row.classList.add("log-gap");
    row.append(made("span", "log-text", { role: "gridcell" }, line.text));
    return row;
  }
  row.setAttribute("aria-expanded", String(line.open));
  row.append(timeCell(line, look));
  if (look.several) row.append(fromCell(line));
  row.append(made("span", "log-level", { role: "gridcell" }, line.level), textCell(line, look));
  if (line.open) row.append(whole(line, look));
  return row;
}

/** When, in the viewer's zone: with the day where it is not of today. */
export function clock(line: Line): string {
  const time = new Date(millisOf(line));
  const text = `${CLOCK.format(time)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return time.toDateString() === new Date().toDateString() ? text : `${DAY.format(time)} ${text}`;
}

function timeCell(line: Line, look: Look): HTMLElement {
  const address = { href: look.address(line), title: `${utcOf(line)}; the address of this line`, tabindex: "-1" };
  return made("span", "log-time", { role: "gridcell" }, made("a", "", address, clock(line)));
}

function fromCell(line: Line): HTMLElement {
  const name = `${line.host}/${line.name}`;
  const number = numberOf(name);
  const mark = made("span", "log-mark", { "aria-hidden": "true" }, MARKS[(number >> 4) % MARKS.length] ?? "●");
  const only = { href: `?container=${encodeURIComponent(name)}`, title: `Only ${name}`, tabindex: "-1" };
  const link = made("a", "", only, mark, made("span", "log-host", {}, `${line.host}/`), line.name);
  return made("span", `log-from log-hue-${number % HUES}`, { role: "gridcell" }, link);
}

function textCell(line: Line, look: Look): HTMLElement {
  const cell = made("span", "log-text", { role: "gridcell" });
  const short = line.text.length > LONGEST && !line.open ? line.text.slice(0, LONGEST) : line.text;
  const folded = fold(plainText(line.text));
  if (folded === null) {
    append(cell, pieces(short.slice(0, LONGEST_OPEN)), look);
    const left = line.text.length - Math.min(short.length, LONGEST_OPEN);
    if (left > 0) cell.append(made("span", "log-note", {}, ` and ${left.toLocaleString("en")} characters more`));
  } else {
    const sign = button("log-fold", line.open ? "Fold" : "Unfold", line.open ? "▾" : "▸", "", () => look.toggle(line));
    sign.tabIndex = -1;
    cell.append(sign);
    append(cell, pieces(folded.message), look);
    for (const [key, value] of folded.fields) {
      cell.append(" ", made("span", "log-field", {}, made("span", "log-key", {}, key), "="));
      append(cell, [{ text: value, classes: "log-value", colour: "", background: "" }], look);
    }
  }
  if (line.truncated) cell.append(made("span", "log-note", {}, " (cut off: it was too long to be kept)"));
  return cell;
}

function append(cell: HTMLElement, given: Piece[], look: Look): void {
  for (const piece of marked(given, look.finders)) {
    if (!piece.mark && !piece.classes && !piece.colour && !piece.background) {
      cell.append(piece.text);
      continue;
    }
    const span = made(piece.mark ? "mark" : "span", piece.classes, {}, piece.text);
    if (piece.colour) coloured(span, "fg", piece.colour);
    if (piece.background) coloured(span, "bg", piece.background);
    cell.append(span);
  }
}

/** A colour that a program chose, which the stylesheet makes readable on light and on dark. */
function coloured(span: HTMLElement, which: "fg" | "bg", colour: string): void {
  span.classList.add(`ansi-own-${which}`);
  span.style.setProperty(`--ansi-own-${which}`, colour);
}

/** What a line that is unfolded shows below itself. */
function whole(line: Line, look: Look): HTMLElement {
  const address = new URL(look.address(line), location.href).href;
  const tools = made(
    "span",
    "log-tools",
    {},
    copier("Copy line", plainText(line.text)),
    copier("Copy link", address),
    made("span", "muted", {}, `${utcOf(line)} · ${line.host}/${line.name} · ${line.stream}`),
  );
  const folded = fold(plainText(line.text));
  return made("div", "log-whole", { role: "gridcell" }, ...(folded ? [tree(folded.whole)] : []), tools);
}

function copier(label: string, text: string): HTMLButtonElement {
  const element = button("small", label, label, "", () => {
    void copied(text).then((done) => {
      element.textContent = done ? "Copied" : "Not allowed here";
    });
  });
  return element;
}

/** Whether the clipboard took a text; without TLS browsers have none. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text: string): boolean {
  const area = made("textarea", "sr-only", { "aria-hidden": "true" });
  area.value = text;
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return done;
}
