// The figures behind the charts as a table, made when somebody opens it.
import type { Figure } from "./charts_series";
import { written } from "./charts_words";
import { moment } from "./times";

export interface Titled {
  title: string;
  figure: Figure;
}

const ROWS = 400;

function cell(name: "th" | "td", text: string, scope?: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  if (scope) made.setAttribute("scope", scope);
  if (name === "td") made.className = "number";
  return made;
}

function row(...cells: HTMLElement[]): HTMLElement {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

/** All charts side by side, a row for each time, the newest first. */
export function table(charts: readonly Titled[]): HTMLTableElement {
  const columns = charts.flatMap(({ title, figure }) =>
    figure.lines.map((line) => ({
      name: `${title}, ${line.label}`,
      at: new Map(figure.times.map((time, index) => [time, line.values[index] ?? null])),
      unit: figure.unit,
    })));
  const times = [...new Set(columns.flatMap((column) => [...column.at]
    .filter(([, value]) => value !== null).map(([time]) => time)))].sort((a, b) => b - a);
  const made = document.createElement("table");
  made.createTHead().append(row(cell("th", "Time", "col"), ...columns.map(({ name }) => cell("th", name, "col"))));
  made.createTBody().append(...times.slice(0, ROWS).map((time) => row(
    cell("th", moment(new Date(time * 1000)), "row"),
    ...columns.map(({ at, unit }) => cell("td", written(at.get(time), unit))),
  )));
  return made;
}
