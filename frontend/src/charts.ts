// The charts of pages that have some.
import { FleetCharts } from "./charts_group";
import { FleetChart } from "./charts_one";

customElements.define("fleet-chart", FleetChart);
customElements.define("fleet-charts", FleetCharts);
