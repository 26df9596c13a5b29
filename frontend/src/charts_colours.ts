// Canvases know no custom properties: the colours of now, read off the page.

export interface Palette {
  line: string;
  text: string;
  good: string;
  warn: string;
  bad: string;
  idle: string;
  series: string[];
  washes: string[];
  font: string;
}

/** Read them as they are for an element of the page. */
export function palette(root: HTMLElement): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  root.append(probe);
  const read = (expression: string): string => {
    probe.style.color = expression;
    return getComputedStyle(probe).color;
  };
  const numbers = [1, 2, 3, 4];
  const found: Palette = {
    line: read("var(--line)"),
    text: read("var(--muted)"),
    good: read("var(--good)"),
    warn: read("var(--warn)"),
    bad: read("var(--bad)"),
    idle: read("var(--idle)"),
    series: numbers.map((each) => read(`var(--chart-${each})`)),
    washes: numbers.map((each) => read(`color-mix(in srgb, var(--chart-${each}) 22%, transparent)`)),
    font: `12px ${getComputedStyle(root).fontFamily}`,
  };
  probe.remove();
  return found;
}

/** Tell when they are others: by the switch of the page, or by the wish of the system. */
export function onColours(changed: () => void, signal: AbortSignal): void {
  document.addEventListener("fleet:theme", changed, { signal });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal });
}
