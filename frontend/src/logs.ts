// The log viewer: the page of logs, and <fleet-log> on others.
import { FleetLog } from "./logs_viewer";

customElements.define("fleet-log", FleetLog);

// Fields that nobody filled in are left out of the address.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = (event as CustomEvent<{ elt: Element; parameters: Record<string, unknown> }>).detail;
  if (!elt.closest("#logs-asked")) return;
  const isPicking = elt.matches("[data-logs-pick]");
  for (const [name, value] of Object.entries(parameters)) {
    if (value === "" || (name === "pick" && !isPicking)) delete parameters[name];
  }
});
