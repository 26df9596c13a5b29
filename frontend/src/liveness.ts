// Says whether the page is live: what is shown is only as true as the stream behind it.

function say(state: "live" | "waiting", text: string): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-liveness]")) {
    element.dataset.liveness = state;
    const words = element.querySelector("[data-words]");
    if (words && words.textContent !== text) words.textContent = text;
  }
}

/** Who is logged out is not told by trying again: only the page can ask who they are. */
async function sayLoggedOut(): Promise<void> {
  const answer = await fetch("/api/session").catch(() => null);
  if (answer?.status === 401) say("waiting", "Logged out: load it again");
}

/** Follow the stream of the page. */
export function followLiveness(): void {
  document.addEventListener("htmx:sseOpen", () => say("live", "Live"));
  document.addEventListener("htmx:sseError", (event) => {
    say("waiting", "Connecting again");
    // What merely broke off is opened again by the browser itself; this was refused.
    const source = (event as CustomEvent<{ source?: EventSource }>).detail?.source;
    if (source?.readyState === EventSource.CLOSED) void sayLoggedOut();
  });
  document.addEventListener("htmx:sseClose", (event) => {
    const reason = (event as CustomEvent<{ type?: string }>).detail?.type;
    if (reason !== "nodeReplaced" && reason !== "nodeMissing") say("waiting", "Not live");
  });
}
