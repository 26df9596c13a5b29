// The log viewer: the page of logs, and <fleet-log> on others.
import { FleetLog } from "./logs_viewer";

customElements.define("fleet-log", FleetLog);

// What containers were searched by is no part of the address of their lines.
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, formData } = (event as CustomEvent<{ elt: Element; formData: FormData }>).detail;
  if (elt.id === "logs-asked") formData.delete("pick");
});
