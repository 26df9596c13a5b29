// Says whether the page is live: what is shown is only as true as the stream behind it.

const LOST = 5_000; // milliseconds without a stream after which that must be seen
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
let since = 0; // when it broke off; 0: it is live
let lost = false;
let out = false; // the session has ended

function say(state: "live" | "waiting" | "lost", text: string): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-liveness]")) {
    element.dataset.liveness = state;
    const words = element.querySelector("[data-words]");
    if (words && words.textContent !== text) words.textContent = text;
  }
}

/** Who is logged out is not told by trying again: only the page can ask who they are. */
async function sayLoggedOut(): Promise<void> {
  const answer = await fetch("/api/session").catch(() => null);
  if (answer?.status !== 401 || out) return;
  lost = out = true;
  say("lost", "You are logged out. ");
  for (const words of document.querySelectorAll("[data-liveness] [data-words]")) {
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "Log in";
    words.append(link);
  }
}

/** A server that was begun anew may have other scripts and styles than this page is made of. */
async function takeNew(): Promise<void> {
  for (const each of document.querySelectorAll('link[rel="stylesheet"], script[src]')) {
    const address = each.getAttribute("href") ?? each.getAttribute("src") ?? "";
    const answer = await fetch(address, { method: "HEAD", cache: "no-store" }).catch(() => null);
    if (answer?.status === 404) return location.reload();
  }
}

function opened(): void {
  say("live", "Live");
  if (since) void takeNew();
  since = 0;
  lost = out = false;
}

function broken(): void {
  if (!since) {
    since = Date.now();
    setTimeout(sayLost, LOST);
  }
  if (!lost) say("waiting", "Connecting again");
}

/** Figures that are no longer true must not look so, wherever the page is scrolled to. */
function sayLost(): void {
  if (!since || out || document.hidden || Date.now() - since < LOST) return;
  lost = true;
  say("lost", `Not live since ${CLOCK.format(since)}. Connecting again`);
}

/** Follow the stream of the page. */
export function followLiveness(): void {
  document.addEventListener("htmx:sseOpen", opened);
  document.addEventListener("htmx:sseError", (event) => {
    broken();
    // What merely broke off is opened again by the browser itself; this was refused.
    const source = (event as CustomEvent<{ source?: EventSource }>).detail?.source;
    if (source?.readyState === EventSource.CLOSED) void sayLoggedOut();
  });
  document.addEventListener("htmx:sseClose", (event) => {
    const reason = (event as CustomEvent<{ type?: string }>).detail?.type;
    if (reason !== "nodeReplaced" && reason !== "nodeMissing") say("waiting", "Not live");
  });
}
