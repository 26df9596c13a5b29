// One figure as uPlot draws it.
import uPlot from "uplot";
import type { Palette } from "./charts_colours";
import { thinned, type Mark } from "./charts_marks";
import { showsLimit, type Figure, type Line } from "./charts_series";
import { increments, ticked } from "./charts_words";

export interface Drawing {
  figure: Figure;
  marks: Mark[];
  start: number;
  end: number;
  colours: Palette;
}

export interface Listeners {
  moved: () => void;
  chosen: (from: number, to: number) => void;
  back: () => void;
}

const BUTTONS = new Set(["mousedown", "mouseup"]);
const AXIS = 68; // px, the same for all, so that times stand above each other
const DAY = 86_400;
const two = (value: number): string => String(value).padStart(2, "0");
const clock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Times at the axis: the clock, with the date where a day begins. */
function timeTicks(splits: number[], step: number): string[] {
  let day = "";
  return splits.map((seconds) => {
    const time = new Date(seconds * 1000);
    const date = clock.format(time);
    if (step >= DAY) return date;
    const hour = `${two(time.getHours())}:${two(time.getMinutes())}${step < 60 ? `:${two(time.getSeconds())}` : ""}`;
    const said = date === day ? hour : `${hour}\n${date}`;
    day = date;
    return said;
  });
}

const most = (line: Line): number => line.values.reduce<number>((top, each) => Math.max(top, each ?? 0), 0);

/** Up to where the values go, and whether limits are within that. */
function reach(figure: Figure): { used: number; limits: Line[] } {
  const limits = figure.lines.filter((line) => line.role === "limit");
  const used = Math.max(0, ...figure.lines.filter((line) => line.role !== "limit").map(most));
  return { used, limits: limits.filter((line) => showsLimit(used, most(line))) };
}

function top(drawing: Drawing): number {
  const { used, limits } = reach(drawing.figure);
  const whole = Math.max(used, ...limits.map(most)) * 1.08;
  const least = { percent: 1, bytes: 1024, rate: 64, ms: 1, count: 4, load: 0.1 }[drawing.figure.unit];
  return Math.max(whole, least);
}

function series(drawing: Drawing, line: Line, shown: readonly Line[]): uPlot.Series {
  const edge = line.role === "high" || line.role === "low";
  const { colours } = drawing;
  return {
    label: line.label,
    show: line.role !== "limit" || shown.includes(line),
    auto: false,
    width: edge ? 0 : 1.75,
    stroke: () => (edge ? "transparent" : colours.series[line.colour - 1] ?? colours.text),
    ...(line.dashed ? { dash: line.role === "limit" ? [2, 4] : [7, 4] } : {}),
    points: edge || line.role === "limit" ? { show: false } : { size: 5 },
  };
}

function bands(drawing: Drawing): uPlot.Band[] {
  const lines = drawing.figure.lines;
  const high = lines.findIndex((line) => line.role === "high");
  const low = lines.findIndex((line) => line.role === "low");
  const colour = lines[high]?.colour;
  if (colour === undefined || low < 0) return [];
  return [{ series: [high + 1, low + 1], fill: () => drawing.colours.washes[colour - 1] ?? "transparent" }];
}

function axes(drawing: Drawing): uPlot.Axis[] {
  const { unit } = drawing.figure;
  const { colours } = drawing;
  const common = {
    stroke: () => colours.text,
    font: colours.font,
    grid: { stroke: () => colours.line, width: 1 },
    ticks: { stroke: () => colours.line, width: 1, size: 4 },
  };
  const incrs = increments(unit);
  return [
    { ...common, space: 74, size: 42, values: (_, splits, __, ___, step) => timeTicks(splits, step) },
    { ...common, size: AXIS, space: 34, values: (_, splits) => splits.map((each) => ticked(each, unit)), ...(incrs ? { incrs } : {}) },
  ];
}

/** Lines down to the axis, with a sign at the top of each. */
function drawMarks(plot: uPlot, drawing: Drawing): void {
  const { ctx, bbox } = plot;
  const ratio = uPlot.pxRatio;
  const width = drawing.end - drawing.start;
  const within = drawing.marks.filter((mark) => mark.time >= drawing.start && mark.time <= drawing.end);
  ctx.save();
  ctx.font = `${10 * ratio}px sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const mark of thinned(within, (width * 9 * ratio) / bbox.width)) {
    const x = plot.valToPos(mark.time, "x", true);
    const colour = drawing.colours[mark.tone];
    ctx.strokeStyle = colour;
    ctx.fillStyle = colour;
    ctx.globalAlpha = 0.55;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.fillText(mark.sign, x, bbox.top - 13 * ratio);
  }
  ctx.restore();
}

export const columns = (figure: Figure): uPlot.AlignedData => [
  figure.times, ...figure.lines.map((line) => line.values),
];

/** Draw into an element. What `drawing` holds may be changed before `setData`, but for its lines. */
export function plot(
  into: HTMLElement, drawing: Drawing, group: string, listeners: Listeners,
): uPlot {
  const { lines } = drawing.figure;
  const shown = reach(drawing.figure).limits;
  const hovered = (index: number): boolean => ["line", undefined].includes(lines[index - 1]?.role);
  return new uPlot(
    {
      width: into.clientWidth,
      height: into.clientHeight,
      padding: [16, 12, 0, 0],
      legend: { show: false },
      series: [{}, ...lines.map((line) => series(drawing, line, shown))],
      bands: bands(drawing),
      axes: axes(drawing),
      scales: {
        x: { time: true, range: () => [drawing.start, drawing.end] },
        y: { range: () => [0, top(drawing)] },
      },
      cursor: {
        y: false,
        // Others follow the cursor, not what is dragged: one chart asks for the zoom.
        sync: { key: group, scales: ["x", null], filters: { pub: (type) => type.startsWith("mouse") && !BUTTONS.has(type) } },
        drag: { x: true, y: false, setScale: false, dist: 6 },
        points: { size: (_, index) => (hovered(index) ? 7 : 0) },
        bind: { dblclick: () => () => (listeners.back(), null) },
      },
      hooks: {
        draw: [(drawn) => drawMarks(drawn, drawing)],
        setCursor: [listeners.moved],
        setSelect: [
          (drawn) => {
            const { left, width } = drawn.select;
            if (width < 6) return;
            listeners.chosen(drawn.posToVal(left, "x"), drawn.posToVal(left + width, "x"));
            drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    columns(drawing.figure),
    into,
  );
}
