// Colours of terminals (SGR) in a line of a log as pieces of text; all other escapes are left out.

export interface Piece {
  text: string;
  classes: string; // of styles and of the 16 colours that have names
  colour: string; // CSS, of the others; empty where there is none
  background: string;
}

interface Style {
  flags: Set<string>;
  fg: string | number | null; // a number: one of the 16
  bg: string | number | null;
}

// CSI, OSC (ends with BEL or ST), and the short ones; then control characters but for the tab.
const ESCAPE =
  /\x1b\[([0-9;:]*)m|\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]+[0-~]?|[@-Z\\-_]?)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]/g;
const ON: Readonly<Record<number, string>> = {
  1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 8: "hidden", 9: "strike", 21: "underline",
};
const OFF: Readonly<Record<number, readonly string[]>> = {
  22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 27: ["inverse"], 28: ["hidden"], 29: ["strike"],
};
const STEPS = [0, 95, 135, 175, 215, 255];

/** The text alone. */
export function plainText(text: string): string {
  return text.replace(ESCAPE, "");
}

/** The text in pieces of one look each. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  const style: Style = { flags: new Set(), fg: null, bg: null };
  let begin = 0;
  const push = (end: number): void => {
    if (end <= begin) return;
    const piece = looking(style, text.slice(begin, end));
    const last = found.at(-1);
    const same =
      last && last.classes === piece.classes && last.colour === piece.colour && last.background === piece.background;
    if (same) last.text += piece.text;
    else found.push(piece);
  };
  for (const match of text.matchAll(ESCAPE)) {
    push(match.index);
    begin = match.index + match[0].length;
    if (match[1] !== undefined) apply(style, match[1]);
  }
  push(text.length);
  return found;
}

function looking(style: Style, text: string): Piece {
  const classes = [...style.flags].map((flag) => `ansi-${flag}`);
  if (typeof style.fg === "number") classes.push(`ansi-fg-${style.fg}`);
  if (typeof style.bg === "number") classes.push(`ansi-bg-${style.bg}`);
  return {
    text,
    classes: classes.join(" "),
    colour: typeof style.fg === "string" ? style.fg : "",
    background: typeof style.bg === "string" ? style.bg : "",
  };
}

function apply(style: Style, given: string): void {
  // 38:2::R:G:B is a way to write 38;2;R;G;B that keeps an empty place for a colour space.
  const codes = given
    .replace(/\b([34]8):2:\d*:(\d+:\d+:\d+)/g, "$1:2:$2")
    .split(/[;:]/)
    .map((code) => Number(code || 0));
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 38 || code === 48) {
      const [colour, taken] = extended(codes, at + 1);
      if (colour !== null) style[code === 38 ? "fg" : "bg"] = colour;
      at += taken;
    } else one(style, code);
  }
}

function one(style: Style, code: number): void {
  const on = ON[code];
  if (code === 0) {
    style.flags.clear();
    style.fg = style.bg = null;
  } else if (on !== undefined) style.flags.add(on);
  else if (OFF[code] !== undefined) for (const flag of OFF[code]) style.flags.delete(flag);
  else if (code >= 30 && code <= 37) style.fg = code - 30;
  else if (code >= 90 && code <= 97) style.fg = code - 90 + 8;
  else if (code >= 40 && code <= 47) style.bg = code - 40;
  else if (code >= 100 && code <= 107) style.bg = code - 100 + 8;
  else if (code === 39) style.fg = null;
  else if (code === 49) style.bg = null;
}

/** A colour of 256 or of all, and how many numbers it took. */
function extended(codes: readonly number[], at: number): [string | number | null, number] {
  if (codes[at] === 5) return [indexed(codes[at + 1] ?? -1), 2];
  if (codes[at] !== 2) return [null, 1];
  const parts = codes.slice(at + 1, at + 4);
  const whole = parts.length === 3 && parts.every((part) => part >= 0 && part <= 255);
  return [whole ? `rgb(${parts.join(",")})` : null, 4];
}

function indexed(index: number): string | number | null {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey},${grey},${grey})`;
  }
  const cube = index - 16;
  const parts = [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((part) => STEPS[part] ?? 0);
  return `rgb(${parts.join(",")})`;
}
