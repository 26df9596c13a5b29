// What pages have that show one thing and its past.
import { FleetCharts } from "./charts_group";
import { FleetChart } from "./charts_one";
import { narrowLists } from "./narrowing";

customElements.define("fleet-chart", FleetChart);
customElements.define("fleet-charts", FleetCharts);
narrowLists();
