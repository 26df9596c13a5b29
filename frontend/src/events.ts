// New events do not move what somebody reads further down: they wait behind a button that counts
// them, and come when it is pressed or the page is scrolled up.
import htmx from "./htmx";

const ABOVE = -120; // pixels that the feed has gone up, from which on somebody reads further down
const waiting = new Set<string>();
let held = false;

function feed(): HTMLElement | null {
  return document.getElementById("events");
}

function isDown(): boolean {
  const top = feed()?.getBoundingClientRect().top;
  return top !== undefined && top < ABOVE;
}

function tell(): void {
  const button = document.getElementById("events-new");
  if (!button) return;
  button.hidden = waiting.size === 0;
  button.textContent = `${waiting.size} new ${waiting.size === 1 ? "event" : "events"}`;
}

/** Show what waited: the page is asked for anew, so that no part of it is older than another. */
function release(): void {
  if (!held) return;
  held = false;
  waiting.clear();
  tell();
  void htmx.ajax("get", location.pathname + location.search, {
    target: "#live",
    select: "#live",
    swap: "outerHTML",
  });
}

function hold(event: Event): void {
  if (!feed() || !(held || isDown())) return;
  const { data } = (event as CustomEvent<MessageEvent<string>>).detail;
  const come = new DOMParser().parseFromString(data, "text/html");
  const ours = come.querySelectorAll("#events, #events-said, [data-minute]");
  if (ours.length === 0) return;
  event.preventDefault();
  held = true;
  for (const each of come.querySelectorAll("[data-event]")) {
    if (!document.getElementById(each.id)) waiting.add(each.id);
  }
  tell();
  for (const each of ours) each.remove();
  if (come.body.childElementCount > 0) {
    htmx.swap(document.body, come.body.innerHTML, { swapStyle: "none", swapDelay: 0, settleDelay: 0 });
  }
}

/** Watch the feed of the page, where there is one. */
export function holdEvents(): void {
  document.addEventListener("htmx:sseBeforeMessage", hold);
  document.addEventListener("click", (event) => {
    if (!(event.target as Element).closest("#events-new")) return;
    scrollTo({ top: 0 });
    release();
  });
  document.addEventListener("scroll", () => {
    if (held && !isDown()) release();
  }, { passive: true });
}
