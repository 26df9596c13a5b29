// Says whether the page is live: what is shown is only as true as the stream behind it.

function say(state: "live" | "waiting", text: string): void {
  for (const element of document.querySelectorAll<HTMLElement>("[data-liveness]")) {
    element.dataset.liveness = state;
    const words = element.querySelector("[data-words]");
    if (words && words.textContent !== text) words.textContent = text;
  }
}

/** Follow the stream of the page. */
export function followLiveness(): void {
  document.addEventListener("htmx:sseOpen", () => say("live", "Live"));
  document.addEventListener("htmx:sseError", () => say("waiting", "Connecting again"));
  document.addEventListener("htmx:sseClose", (event) => {
    const reason = (event as CustomEvent<{ type?: string }>).detail?.type;
    if (reason !== "nodeReplaced" && reason !== "nodeMissing") say("waiting", "Not live");
  });
}
