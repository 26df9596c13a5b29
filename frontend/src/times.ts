// Times as the viewer reads them. The server writes each in the viewer's zone, once it knows it;
// here the zone is told, and `data-ago` counts on while the page stays open.

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
// Made once: a formatter costs far more than what it writes, and a page has hundreds of times.
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const FAR_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const YEAR = 365 * 24 * 3600;
const STEPS: ReadonlyArray<readonly [number, string]> = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
  [1, "s"],
];

/** How long a span is, in its biggest unit: `12 s`, `5 min`, `3 h`, `4 d`. */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [size, name] of STEPS) {
    if (whole >= size) return `${Math.floor(whole / size)} ${name}`;
  }
  return "0 s";
}

/** The time of a day in the viewer's zone, below a heading that says the day. */
function clockOf(time: Date): string {
  return CLOCK.format(time);
}

/** A moment in the viewer's zone; with its date where it is not of today. */
export function moment(time: Date, now = new Date()): string {
  const clock = clockOf(time);
  if (time.toDateString() === now.toDateString()) return clock;
  const far = Math.abs(now.getTime() - time.getTime()) / 1000 > YEAR / 2;
  return `${(far ? FAR_DAY : DAY).format(time)} ${clock}`;
}

/** How long it is until something is due. */
function until(seconds: number): string {
  return seconds > 0 ? `in ${span(Math.ceil(seconds))}` : "now";
}

function tell(element: HTMLTimeElement, now: Date): void {
  const time = new Date(element.dateTime);
  if (Number.isNaN(time.getTime())) return;
  const text = element.hasAttribute("data-ago")
    ? `${span((now.getTime() - time.getTime()) / 1000)} ago`
    : element.hasAttribute("data-for")
      ? span((now.getTime() - time.getTime()) / 1000)
      : element.hasAttribute("data-until")
      ? until((time.getTime() - now.getTime()) / 1000)
      : element.hasAttribute("data-clock")
      ? clockOf(time)
      : moment(time, now);
  if (element.textContent !== text) element.textContent = text;
}

/** Write all times below an element anew. */
export function tellTimes(root: ParentNode = document): void {
  const now = new Date();
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) tell(element, now);
}

/** Keep them true while the page is open. */
export function followTimes(): void {
  document.cookie = `fleet-zone=${encodeURIComponent(ZONE)}; path=/; max-age=31536000; samesite=lax`;
  for (const element of document.querySelectorAll("[data-zone]")) element.textContent = ZONE;
  tellTimes();
  document.addEventListener("htmx:load", (event) => tellTimes(event.target as ParentNode));
  // Many rows may come at once: all are told before they are painted.
  let waits = false;
  document.addEventListener("htmx:oobAfterSwap", () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      tellTimes();
    });
  });
  setInterval(() => {
    if (!document.hidden) tellTimes();
  }, 10_000);
  // What is waited for is counted down by the second.
  setInterval(() => {
    if (document.hidden) return;
    const now = new Date();
    for (const each of document.querySelectorAll<HTMLTimeElement>("time[data-until]")) tell(each, now);
  }, 1_000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) tellTimes();
  });
}
